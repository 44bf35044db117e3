"""What a JPEG's header says of how it is coded."""

_STANDALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_TABLES = {0xC4, 0xC8, 0xCC}  # among C0 to CF what is no frame header
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_MAX_SEGMENTS = 10_000


def is_progressive(data: bytes) -> bool:
    """Whether its coefficients come in several scans: a decoder then holds all of them.

    ITU T.81, table B.1. False too where no frame header is found.
    """
    at = 2
    for _ in range(_MAX_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return False
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _TABLES:
            return marker in _PROGRESSIVE
        if marker in (0x00, 0xFF):
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False
