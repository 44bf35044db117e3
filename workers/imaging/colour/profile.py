"""ICC profiles, before LittleCMS reads them: ICC.1:2022, 7.2 and 7.3."""

from functools import lru_cache

# The largest of presses have 3 MB. A worker keeps the last 16 that it met.
MAX_BYTES = 4_000_000

_TABLE, _ENTRY = 128, 12  # bytes before the count of tags, and for each tag
_MAX_TAGS = 100  # LittleCMS reads no more

# Transforms as chains of elements, 9.2.8 to 9.2.11. They stand beside the usual tables, which do
# for 8 bits, and go before them; an element costs 8 bytes for each time that it is in the chain.
# Of 100,000, a kilobyte in a PNG, LittleCMS takes all for each point of its own table.
_CHAINS = (b"D2B0", b"D2B1", b"D2B2", b"D2B3")


@lru_cache(maxsize=16)
def bounded(profile: bytes | None) -> bytes | None:
    """The profile without what may cost without end; None for one that is too large."""
    if not profile or len(profile) > MAX_BYTES:
        return None
    head = bytearray(profile[: _TABLE + 4 + _ENTRY * _MAX_TAGS])
    chains = [at for at in range(_TABLE + 4, len(head), _ENTRY) if head[at : at + 4] in _CHAINS]
    for at in chains:
        head[at : at + 4] = b"none"
    return bytes(head) + profile[len(head) :] if chains else profile
