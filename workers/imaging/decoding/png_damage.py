"""Damage to a PNG that is no loss: browsers pass over it, and Pillow would give the picture up."""

import struct
import zlib

_SIGNATURE = 8  # bytes
_MAX_CHUNKS = 100_000  # looked at; the rest is for the decoder to judge
_ANCILLARY = 0x20  # bit of a type's first letter, PNG, third edition, 5.4

# Bytes of a body, 11.3: what is shorter or longer is no such chunk. tRNS by colour type.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
_KEY_LENGTHS = {0: 2, 2: 6}
_MAX_PALETTE = 256

# Nothing in them is needed, and Pillow would inflate them, up to a limit where it gives up.
_TEXTS = (b"zTXt", b"iTXt")

# These count one another, so that none may be missing; of an animation the first frame is used.
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")


def without_damage(data: bytes) -> bytes:
    """The file without ancillary chunks whose checksum or length is wrong, and without long texts.

    PNG, third edition, 13.1: a decoder should go on without them. Critical chunks stay as they
    are, and all of what is cut short. Of profiles the first stays: Pillow would inflate thousands,
    one after the other. The file itself where there is nothing to leave out. ValueError for a
    second header: Pillow would believe it.
    """
    kept, start, at = [], 0, _SIGNATURE
    profiles = 0
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or name == b"IEND":
            break
        if name == b"IHDR" and at != _SIGNATURE:
            raise ValueError("a second header")
        sound = _is_sound(data, at, end)
        if name == b"iCCP" and sound:
            profiles += 1
            sound = profiles == 1
        if name[0] & _ANCILLARY and name not in _ANIMATION and not sound:
            kept.append(data[start:at])
            start = end
        at = end
    return b"".join((*kept, data[start:])) if kept else data


def _is_sound(data: bytes, at: int, end: int) -> bool:
    """Whether the chunk from `at` to `end` is whole and of use."""
    name, body = data[at + 4 : at + 8], data[at + 8 : end - 4]
    if name in _TEXTS or zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end]):
        return False
    if name == b"iCCP":  # its name ends with a zero, the method of compression is 0
        name_end = body.find(b"\0")
        return name_end >= 0 and body[name_end + 1 : name_end + 2] == b"\0"
    wanted = _KEY_LENGTHS.get(data[25]) if name == b"tRNS" else _LENGTHS.get(name)
    longest = _MAX_PALETTE if name == b"tRNS" else len(body)
    return len(body) <= longest if wanted is None else len(body) == wanted
