"""Animated AVIF: an image sequence by libaom through pillow-avif-plugin."""

import struct
from typing import Any

from PIL import Image
from pillow_avif import _avif

from shared.errors import ImageError
from shared.models import Effort, Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import on_scale
from workers.imaging.formats.isobmff import walk

# From 7 on libaom works as for live video, frame by frame. Against 6 that is a sixth to a tenth
# of the CPU; bytes at one quality go both ways, +150 % for a flat drawing and -43 % for a pan.
# 7 to 10 differ by 3 % in bytes and 0.3 dB; 9 has a tenth less CPU than 8, and 10 no less.
_SPEED = 9

_PARENTS = {b"moov": 0, b"trak": 0, b"edts": 0, b"mdia": 0}  # as `walk` takes them


class AvifAnimation:
    """Takes frames one by one; the encoder keeps their coded bytes and its reference pictures."""

    def __init__(self, size: tuple[int, int], quality: int, effort: Effort, plays: int) -> None:  # noqa: ARG002
        # The plugin's `_save` wants a list of all frames; this is what it hands them to. Order
        # of arguments as there: size, subsampling, quantisers (-1: by quality), quality, speed,
        # threads, codec, range, tiles, alpha, tiling, then metadata.
        self._encoder: Any = _avif.AvifEncoder(
            *(
                *size,
                "4:2:0",
                -1,
                -1,
                round(on_scale(quality, "avif_fast")),
                _SPEED,
                1,
                "aom",
                "full",
            ),
            *(0, 0, False, True, b"", b"", 1, b"", None),
        )
        self._plays = plays

    def add(self, image: Image.Image, ms: int) -> None:
        """One whole frame, RGB or RGBA like all before it, and its time in milliseconds."""
        pixels = image.tobytes("raw", image.mode)
        self._encoder.add(pixels, ms, *image.size, image.mode, False)

    def finish(self) -> Encoded:
        """The file."""
        data = self._encoder.finish()
        if data is None:
            raise ImageError("The animation could not be encoded")
        return Encoded(_played(data, self._plays), Encoding.REENCODED)


def _played(data: bytes, plays: int) -> bytes:
    """The file with its number of plays, 0 being without end, and without the time of its making.

    ISO/IEC 14496-12, 8.6.6: an edit list whose flag 1 is set is repeated for as long as the track
    lasts (8.3.2). libavif writes that flag and an endless track, and its decoder divides one by
    the other; how often is no argument of the plugin. All its boxes are of version 1.
    """
    file = bytearray(data)
    boxes = list(walk(data, _PARENTS))
    shown = next((_u64(file, at + 8) for name, at, *_ in boxes if name == b"elst"), 0)
    for name, at, *_ in boxes:
        if name in (b"mvhd", b"tkhd", b"mdhd"):
            struct.pack_into(">QQ", file, at + 4, 0, 0)  # made and changed, in seconds
        if name in (b"mvhd", b"tkhd") and plays:
            struct.pack_into(">Q", file, at + (24 if name == b"mvhd" else 28), shown * plays)
    return bytes(file)


def _u64(file: bytearray, at: int) -> int:
    return int.from_bytes(file[at : at + 8], "big")
