"""A PNG without the chunks that libpng passes over, and Pillow believes or refuses."""

import zlib

from PIL import PngImagePlugin

from shared.png_chunks import FRAMING, SIGNATURE, body, chunks, is_intact
from workers.imaging.colour.profile import MAX_BYTES

_ANCILLARY = 0x20  # bit of a type's first letter, PNG, third edition, 5.4
_PALETTE = 3  # colour type, 11.2.1

# Bytes of a body, 11.3: a chunk that is shorter or longer is damaged. tRNS by colour type.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
_KEY_LENGTHS = {0: 2, 2: 6}
_MAX_COLOURS = 256

# Nothing in them is needed, and Pillow would inflate them, up to a limit where it refuses the file.
_TEXTS = (b"zTXt", b"iTXt")

# These have sequence numbers, so none may be missing, although only the first frame is used.
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")

# Those of which the first counts, each with the chunks that it must come before: 5.6.
_COLOURS_BEFORE = (b"PLTE", b"IDAT")
_ONCE = {
    **dict.fromkeys((b"gAMA", b"cHRM", b"sRGB", b"iCCP"), _COLOURS_BEFORE),
    b"tRNS": (b"IDAT",),
    b"eXIf": (),
}

# Pillow refuses a file whose profile inflates to more. Such a profile is left out here, so this
# only lets those pass that are larger than its own 1 MiB.
PngImagePlugin.MAX_TEXT_CHUNK = MAX_BYTES + 1


def repaired(data: bytes) -> bytes:
    """The file without ancillary chunks that are damaged (13.1), out of place, or there before.

    Without zTXt and iTXt too, and without a profile of more than `MAX_BYTES`. All else stays as it
    is, also from where the file is cut short. Returns `data` itself if there is nothing to leave
    out. Raises ValueError for a second header or palette, which Pillow would believe, for a palette
    of no whole colours, and for chunks without end.
    """
    kept, kept_from = [], 0
    walk = _Walk(data)
    for name, start, end in chunks(data):
        if end > len(data) or name == b"IEND":
            break
        if name in _ANIMATION or walk.reads(name, start, end):
            continue
        kept.append(data[kept_from:start])
        kept_from = end
    return b"".join((*kept, data[kept_from:])) if kept else data


class _Walk:
    """What libpng 1.6 reads of the chunks before, in pngrutil.c."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._depth, self._colour = data[24], data[25]
        self._met: set[bytes] = set()
        self._colours = 0  # in the palette
        self._inflated = False  # a profile was

    def reads(self, name: bytes, start: int, end: int) -> bool:
        """Whether the next chunk is read; ValueError where libpng gives up and Pillow does not."""
        if name == b"IHDR" and start != len(SIGNATURE):
            raise ValueError("a second header")
        if name == b"PLTE" and self._colour == _PALETTE:
            if b"IDAT" in self._met:
                return False
            self._count_colours(end - start - FRAMING)
        if name[0] & _ANCILLARY:
            read = self._is_in_place(name) and self._is_sound(name, start, end)
        else:
            read = True
        if read:
            self._met.add(name)
        return read

    def _count_colours(self, length: int) -> None:
        if self._colours or length % 3 or not 3 <= length <= 3 * _MAX_COLOURS:
            raise ValueError("not one palette")
        self._colours = min(length // 3, 1 << self._depth)

    def _is_in_place(self, name: bytes) -> bool:
        return name not in _ONCE or self._met.isdisjoint((name, *_ONCE[name]))

    def _is_sound(self, name: bytes, start: int, end: int) -> bool:
        """Whether a chunk is undamaged and of use."""
        if name in _TEXTS or not is_intact(self._data, start, end):
            return False
        length = end - start - FRAMING
        if name == b"iCCP":
            return self._is_profile(body(self._data, start, end))
        if name == b"tRNS" and self._colour == _PALETTE:
            return 1 <= length <= self._colours
        if name == b"tRNS":
            return length == _KEY_LENGTHS.get(self._colour)
        return length == _LENGTHS.get(name, length)

    def _is_profile(self, content: bytes) -> bool:
        """11.3.2.3: a name that ends with a zero, method 0, and a stream that is not too long.

        Only one is inflated, or thousands could be.
        """
        name, _, rest = content.partition(b"\0")
        if len(name) == len(content) or rest[:1] != b"\0" or self._inflated:
            return False
        self._inflated = True
        try:
            return len(zlib.decompressobj().decompress(rest[1:], MAX_BYTES + 1)) <= MAX_BYTES
        except zlib.error:
            return False
