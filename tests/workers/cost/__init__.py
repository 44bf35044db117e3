"""The estimate of CPU time and memory of an image, before it is decoded.

Only its shape: what costs more than what. How accurate it is, `make bench-cost` measures on real
files.
"""
