"""Uploads made to do harm: the engine refuses them, or makes a clean file within its bounds.

Every upload goes through probe, limits and engine in a child process, which may die of it
(judge.py). The bounds are of CPU and memory (judge.py), and of what an output may hold (clean.py).
What an HTTP request can do wrong is tested in tests/api; what a decoder makes of a valid file in
tests/workers/imaging.
"""
