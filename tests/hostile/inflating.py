"""Streams of a few bytes that inflate to many: RFC 1950, a thousand to one at best."""

import zlib
from functools import cache


@cache
def zeros(megabytes: int) -> bytes:
    """A zlib stream of so many megabytes of zeros, a thousandth as long."""
    packing = zlib.compressobj(9)
    piece = bytes(1_000_000)
    return b"".join(packing.compress(piece) for _ in range(megabytes)) + packing.flush()
