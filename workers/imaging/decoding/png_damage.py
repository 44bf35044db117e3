"""Removes damage to a PNG that browsers ignore and Pillow refuses."""

from shared.png_chunks import FRAMING, SIGNATURE, body, chunks, is_intact

_ANCILLARY = 0x20  # bit of a type's first letter, PNG, third edition, 5.4

# Bytes of a body, 11.3: a chunk that is shorter or longer is damaged. tRNS by colour type.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
_KEY_LENGTHS = {0: 2, 2: 6}
_MAX_PALETTE = 256

# Nothing in them is needed, and Pillow would inflate them, up to a limit where it refuses the file.
_TEXTS = (b"zTXt", b"iTXt")

# These have sequence numbers, so none may be missing, although only the first frame is used.
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")


def without_damage(data: bytes) -> bytes:
    """The file without damaged ancillary chunks (checksum or length), and without zTXt and iTXt.

    PNG, third edition, 13.1: a decoder should go on without them. Critical chunks stay as they
    are, as does everything from where the file is cut short. Only the first profile stays, since
    Pillow would inflate thousands, one after the other. Returns `data` itself if there is nothing
    to leave out. Raises ValueError for a second header, which Pillow would believe, and for chunks
    without end.
    """
    kept, kept_from = [], 0
    profiles = 0
    for name, start, end in chunks(data):
        if end > len(data) or name == b"IEND":
            break
        if name == b"IHDR" and start != len(SIGNATURE):
            raise ValueError("a second header")
        sound = _is_sound(data, name, start, end)
        if name == b"iCCP" and sound:
            profiles += 1
            sound = profiles == 1
        if name[0] & _ANCILLARY and name not in _ANIMATION and not sound:
            kept.append(data[kept_from:start])
            kept_from = end
    return b"".join((*kept, data[kept_from:])) if kept else data


def _is_sound(data: bytes, name: bytes, start: int, end: int) -> bool:
    """Whether a chunk is undamaged and of use."""
    if name in _TEXTS or not is_intact(data, start, end):
        return False
    if name == b"iCCP":  # its name ends with a zero, the method of compression is 0
        profile = body(data, start, end)
        name_end = profile.find(b"\0")
        return name_end >= 0 and profile[name_end + 1 : name_end + 2] == b"\0"
    length = end - start - FRAMING
    if name == b"tRNS":
        wanted = _KEY_LENGTHS.get(data[25])
        return length <= _MAX_PALETTE if wanted is None else length == wanted
    return length == _LENGTHS.get(name, length)
