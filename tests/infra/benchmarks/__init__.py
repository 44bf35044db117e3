"""The benchmarks: their arithmetic on small examples, and in the full tier a short run of each.

The figures themselves are in docs/; no test compares them.
"""
