"""Limits for ICC profiles, applied before LittleCMS reads them: ICC.1:2022, 7.2 and 7.3."""

from functools import lru_cache

# The largest press profiles have 3 MB. A worker caches the last 16 profiles.
MAX_BYTES = 4_000_000

_HEADER_BYTES, _ENTRY_BYTES = 128, 12  # before the number of tags, and per tag after it
_MAX_TAGS = 100  # LittleCMS reads no more

# Transforms as chains of elements, 9.2.8 to 9.2.11. LittleCMS prefers them to the usual tables,
# which are enough for 8 bits. An element may be repeated for 8 bytes each, so a PNG of a kilobyte
# can hold a chain of 100,000, all of which run for each point of LittleCMS's own table.
_CHAIN_TAGS = (b"D2B0", b"D2B1", b"D2B2", b"D2B3")


@lru_cache(maxsize=16)
def bounded(profile: bytes | None) -> bytes | None:
    """The profile without its chains of elements; None if it is too large."""
    if not profile or len(profile) > MAX_BYTES:
        return None
    first = _HEADER_BYTES + 4
    head = bytearray(profile[: first + _ENTRY_BYTES * _MAX_TAGS])
    entries = range(first, len(head), _ENTRY_BYTES)
    chains = [at for at in entries if head[at : at + 4] in _CHAIN_TAGS]
    for at in chains:
        head[at : at + 4] = b"none"
    return bytes(head) + profile[len(head) :] if chains else profile
