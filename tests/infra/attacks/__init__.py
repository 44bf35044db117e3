"""Whoever attacks harms itself only: the short form of `make attack`.

Each attack has a service of its own on embedded servers and runs in the full tier. The quick tier
has tests of the single limits, beside what they limit.
"""
