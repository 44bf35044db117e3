"""The service keeps its promise while faults are injected: the short form of `make chaos`.

A service of its own on embedded servers; the faults and rules are those of infra/chaos. All run
in the full tier. The quick tier has tests of single promises: repeated requests in tests/api, lost
workers and leases in tests/workers, restarts in tests/infra/commands.
"""
