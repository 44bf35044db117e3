"""The service keeps its promise while faults are injected: the short form of `make chaos`.

A service of its own on embedded servers; the faults and rules are those of infra/chaos. Three
faults that end in seconds are quick tests, the others run in the full tier.
"""
