"""The supervisor starts, restarts and ends process trees, over real processes.

Which processes the service consists of is tested in tests/infra.
"""
