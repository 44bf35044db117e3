"""Animated WebP: the changed part of each frame as a still, in a container written here.

Not by libwebp's own animation encoder, which loses slow changes: it leaves out parts of a lossy
frame that differ little from the frame before, and compares with that frame as it came in, not
as it was written, so that the differences add up. Comparing exactly takes no more bytes.
"""

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageChops

from shared.models import Effort, Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings
from workers.imaging.formats.riff import chunk, whole_chunks

# libwebp's methods, 0 to 6, for opaque lossy frames.
_METHODS = {Effort.FAST: 2, Effort.BALANCED: 4, Effort.SMALL: 6}
_FASTEST_METHOD = 0

# For alpha and lossless. With higher methods, alpha that looks like a photograph takes more than
# a minute per megapixel, and lossless is not smaller.
_ALPHA_OR_LOSSLESS_MAX_METHOD = 4

_LOSSLESS_MAX_COLOURS = 255  # a palette that still has room for transparency
_MAX_SKIPPED_FRAMES = 15
_MAX_MS = 0xFFFFFF  # RFC 9649: 24 bits, some 4.6 hours
_MAX_PLAYS = 0xFFFF

_PIXEL_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")
_ANIMATED, _WITH_ALPHA = 0x02, 0x10  # flags of VP8X
_NO_BLENDING = 0x02  # flag of ANMF: the frame replaces the canvas and is not blended with it


@dataclass
class _EncodedFrame:
    """The content of one ANMF chunk.

    position: left and top in pixels, even. ms: grows while nothing changes. blended: whether
    transparent pixels leave the canvas as it is. pixels: the chunks of the still.
    """

    position: tuple[int, int]
    size: tuple[int, int]
    ms: int
    blended: bool
    pixels: bytes
    encoding: Encoding


class WebpAnimationWriter:
    """Takes frame by frame; keeps only their encoded bytes and the last image."""

    def __init__(self, size: tuple[int, int], settings: EncoderSettings, plays: int) -> None:
        self._size = size
        self._encoder_quality = to_encoder_quality(settings.quality, "webp")
        self._method = _METHODS[settings.effort]
        self._plays = min(plays, _MAX_PLAYS)
        self._last: Image.Image | None = None
        self._frames: list[_EncodedFrame] = []
        self._skip_lossless = self._skip_next = 0  # frames
        self._hurries = False

    def add(self, image: Image.Image, ms: int) -> None:
        """One whole frame, RGB or RGBA like all before it, shown for so many milliseconds."""
        difference = self._last and ImageChops.difference(self._last, image)
        box = difference.getbbox(alpha_only=False) if difference else (0, 0, *image.size)
        if box is None:
            self._frames[-1].ms += ms
            return
        box = box[0] & ~1, box[1] & ~1, box[2], box[3]  # ANMF stores half of each offset
        changed = difference and difference.crop(box)
        self._frames.append(self._encoded(image.crop(box), changed, box[:2], ms))
        self._last = image

    def hurry(self) -> None:
        """Encodes the frames that follow with the least CPU."""
        self._hurries, self._method = True, _FASTEST_METHOD

    def finish(self) -> Encoded:
        """Returns the file."""
        lossless = all(frame.encoding is Encoding.LOSSLESS for frame in self._frames)
        alpha = any(_has_alpha(frame.pixels) for frame in self._frames)
        flags = _ANIMATED | (_WITH_ALPHA if alpha else 0)
        width, height = self._size
        body = chunk(b"VP8X", struct.pack("<I", flags) + _u24(width - 1) + _u24(height - 1))
        body += chunk(b"ANIM", struct.pack("<IH", 0, self._plays))
        body += b"".join(chunk(b"ANMF", _anmf(frame)) for frame in self._frames)
        data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
        encoding = Encoding.LOSSLESS if lossless else Encoding.REENCODED
        return Encoded(data, encoding, faster=self._hurries)

    def _encoded(
        self, part: Image.Image, changed: Image.Image | None, position: tuple[int, int], ms: int
    ) -> _EncodedFrame:
        """The changed part as lossy, or as lossless if it has few colours and that is smaller.

        changed: its difference to the last image; None for the first frame. Lossless can cost ten
        times the CPU of lossy, so after it was larger it is not tried for 1, 3, 7 or 15 frames.
        """
        pixels = self._save(part, quality=self._encoder_quality)
        lossy = _EncodedFrame(position, part.size, ms, False, pixels, Encoding.REENCODED)
        if self._hurries:
            return lossy
        if self._skip_lossless > 0:
            self._skip_lossless -= 1
            return lossy
        if part.getcolors(_LOSSLESS_MAX_COLOURS) is None:
            return lossy
        blended = changed is not None and part.mode == "RGB"
        if changed is not None and blended:
            part = _without_unchanged(part, changed)
        pixels = self._save(part, lossless=True)
        lossless = _EncodedFrame(position, part.size, ms, blended, pixels, Encoding.LOSSLESS)
        is_smaller = len(lossless.pixels) <= len(lossy.pixels)
        skipped = 0 if is_smaller else min(2 * self._skip_next + 1, _MAX_SKIPPED_FRAMES)
        self._skip_lossless = self._skip_next = skipped
        return lossless if is_smaller else lossy

    def _save(self, image: Image.Image, **options: float) -> bytes:
        """The chunks that hold the pixels of one still."""
        method = self._method
        if image.mode != "RGB" or "lossless" in options:
            method = min(method, _ALPHA_OR_LOSSLESS_MAX_METHOD)
        out = io.BytesIO()
        image.save(out, "WEBP", method=method, **options)
        chunks = whole_chunks(out.getvalue())
        return b"".join(chunk(name, body) for name, body in chunks if name in _PIXEL_CHUNKS)


def _without_unchanged(part: Image.Image, changed: Image.Image) -> Image.Image:
    """The part with its unchanged pixels transparent, which take almost no bytes.

    Only for opaque images: a half transparent pixel would be blended with the canvas.
    """
    red, green, blue = changed.split()
    mask = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda v: 255 * (v > 0))
    part = part.convert("RGBA")
    part.putalpha(mask)
    return part


def _has_alpha(pixels: bytes) -> bool:
    """An ALPH chunk, or the bit after both 14-bit sides of VP8L (RFC 9649, 3.4)."""
    return pixels[:4] == b"ALPH" or (pixels[:4] == b"VP8L" and bool(pixels[12] & 0x10))


def _anmf(frame: _EncodedFrame) -> bytes:
    """RFC 9649, 2.7.1.1: the frame's position, size, time and flags, then its pixels."""
    (left, top), (width, height) = frame.position, frame.size
    numbers = (left // 2, top // 2, width - 1, height - 1, min(frame.ms, _MAX_MS))
    head = b"".join(_u24(number) for number in numbers)
    return head + bytes([0 if frame.blended else _NO_BLENDING]) + frame.pixels


def _u24(number: int) -> bytes:
    return number.to_bytes(3, "little")
