"""Animations: frames, durations, plays and passthrough, with a bound on memory.

With GIF and WebP files made in memory, some of them block by block. Headers belong to formats.
"""
