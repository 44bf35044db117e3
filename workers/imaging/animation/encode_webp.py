"""Animated WebP: each frame's changed part as a still of its own, in a container of ours.

libwebp has an animation encoder too, but it loses slow change. It leaves a part of a lossy frame
out where it is only a little unlike the frame before, and compares frames as they came in, not
as they were written: of a picture that brightens by 1 of 255 a frame beside something that
moves, the 60th frame was 59 off. Key frames bound that at the price of jumps. Comparing exactly
is as small: against it, 20 frames of 480 x 320 took 25.4 kB to 25.6 (flat drawing, lossless),
461 to 463 (pan over a photograph), 397 to 397 (grainy film).
"""

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageChops

from shared.models import Effort, Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import on_scale
from workers.imaging.formats.riff import whole_chunks

# libwebp's methods, for opaque lossy frames. Against 4, on photographs: 2 has half the CPU for
# 3 % more bytes, 6 has twice the CPU for 5 to 9 % fewer.
_METHODS = {Effort.FAST: 2, Effort.BALANCED: 4, Effort.SMALL: 6}

# At the most for the rest. Above it alpha that looks like a photograph takes 86 s a megapixel,
# not 0.3, and a lossless flat drawing is not smaller.
_MOST_METHOD = 4

_FEW_COLOURS = 255  # a palette that still has room for transparency
_LONGEST_WAIT = 15  # frames
_MOST_MS = 0xFFFFFF  # RFC 9649: 24 bits, some 4.6 hours
_MOST_PLAYS = 0xFFFF

_PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
_ANIMATED, _WITH_ALPHA = 0x02, 0x10  # flags of VP8X
_OVERWRITES = 0x02  # flag of ANMF: alpha replaces what is there, and is not laid over it


@dataclass
class _Cel:
    """One ANMF chunk to be. at: left and top, even; ms grows while nothing changes."""

    at: tuple[int, int]
    size: tuple[int, int]
    ms: int
    over: bool
    pixels: bytes
    encoding: Encoding


class WebpAnimation:
    """Takes frames one by one and keeps their encoded bytes and the last picture, no more."""

    def __init__(self, size: tuple[int, int], quality: int, effort: Effort, plays: int) -> None:
        self._size = size
        self._quality = on_scale(quality, "webp")
        self._method = _METHODS[effort]
        self._plays = min(plays, _MOST_PLAYS)
        self._last: Image.Image | None = None
        self._cels: list[_Cel] = []
        self._wait = self._next_wait = 0

    def add(self, image: Image.Image, ms: int) -> None:
        """One whole frame, RGB or RGBA like all before it, and its time in milliseconds."""
        difference = self._last and ImageChops.difference(self._last, image)
        box = difference.getbbox(alpha_only=False) if difference else (0, 0, *image.size)
        if box is None:
            self._cels[-1].ms += ms
            return
        box = box[0] & ~1, box[1] & ~1, box[2], box[3]  # ANMF counts its offsets in twos
        changed = difference and difference.crop(box)
        self._cels.append(self._cel(image.crop(box), changed, box[:2], ms))
        self._last = image

    def finish(self) -> Encoded:
        """The file."""
        exact = all(cel.encoding is Encoding.LOSSLESS for cel in self._cels)
        alpha = any(b"ALPH" in cel.pixels[:4] or _says_alpha(cel.pixels) for cel in self._cels)
        wide, high = (side - 1 for side in self._size)
        flags = _ANIMATED | (_WITH_ALPHA if alpha else 0)
        body = _chunk(b"VP8X", struct.pack("<I", flags) + _u24(wide) + _u24(high))
        body += _chunk(b"ANIM", struct.pack("<IH", 0, self._plays))
        body += b"".join(_chunk(b"ANMF", _anmf(cel)) for cel in self._cels)
        data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
        return Encoded(data, Encoding.LOSSLESS if exact else Encoding.REENCODED)

    def _cel(
        self, part: Image.Image, changed: Image.Image | None, at: tuple[int, int], ms: int
    ) -> _Cel:
        """The smaller of lossy and lossless, where there are few colours and it is its turn.

        Lossless costs up to ten times the CPU of lossy on dithered photographs, which have few
        colours too. Where it was larger it sits out 1, 2, 4 … frames.
        """
        pixels = self._save(part, quality=self._quality)
        lossy = _Cel(at, part.size, ms, False, pixels, Encoding.REENCODED)
        if self._wait > 0:
            self._wait -= 1
            return lossy
        if part.getcolors(_FEW_COLOURS) is None:
            return lossy
        over = changed is not None and part.mode == "RGB"
        marked = _without_unchanged(part, changed) if changed is not None and over else part
        exact = _Cel(at, part.size, ms, over, self._save(marked, lossless=True), Encoding.LOSSLESS)
        won = len(exact.pixels) <= len(lossy.pixels)
        self._wait = self._next_wait = 0 if won else min(2 * self._next_wait + 1, _LONGEST_WAIT)
        return exact if won else lossy

    def _save(self, image: Image.Image, **options: float) -> bytes:
        """The chunks that hold the pixels of one still."""
        plain = image.mode == "RGB" and "lossless" not in options
        method = self._method if plain else min(self._method, _MOST_METHOD)
        out = io.BytesIO()
        image.save(out, "WEBP", method=method, **options)
        chunks = whole_chunks(out.getvalue())
        return b"".join(_chunk(name, body) for name, body in chunks if name in _PIXELS)


def _without_unchanged(part: Image.Image, changed: Image.Image) -> Image.Image:
    """The part with what is already on the canvas left transparent, which costs next to nothing.

    Right for opaque pictures only: what is half transparent cannot be laid over.
    """
    red, green, blue = changed.split()
    mask = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda v: 255 * (v > 0))
    part = part.convert("RGBA")
    part.putalpha(mask)
    return part


def _says_alpha(pixels: bytes) -> bool:
    """RFC 9649, lossless bitstream, 3.4: the bit behind both 14-bit sides."""
    return pixels[:4] == b"VP8L" and bool(pixels[12] & 0x10)


def _anmf(cel: _Cel) -> bytes:
    """RFC 9649, 2.7.1.1: the frame's place, size, time and flags, then its pixels."""
    numbers = (cel.at[0] // 2, cel.at[1] // 2, cel.size[0] - 1, cel.size[1] - 1)
    head = b"".join(_u24(number) for number in (*numbers, min(cel.ms, _MOST_MS)))
    return head + bytes([0 if cel.over else _OVERWRITES]) + cel.pixels


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def _u24(number: int) -> bytes:
    return number.to_bytes(3, "little")
