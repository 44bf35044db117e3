"""The imaging engine: what becomes of an upload, from its bytes to the bytes of its result.

With real files that are made in memory (`making.py`, `planting.py`, `moving.py`) and the real
encoders and decoders; no server is started. One package per step of the pipeline, and here what
concerns the whole of it. Exact colours belong to tests/conformance, attacks to tests/hostile.
"""
