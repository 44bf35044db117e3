"""Animated AVIF: an image sequence by libaom through pillow-avif-plugin."""

import struct
from typing import Any

from PIL import Image
from pillow_avif import _avif

from shared.errors import ImageError
from shared.models import Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings
from workers.imaging.formats.isobmff import walk

# libaom's, at every effort. From 7 on it works as for live video, frame by frame, which takes a
# fraction of the CPU; 7 to 10 differ little from each other.
_SPEED = 9

_PARENTS = {b"moov": 0, b"trak": 0, b"edts": 0, b"mdia": 0}  # as `walk` takes them


class AvifAnimationWriter:
    """Takes frame by frame; the encoder keeps their coded bytes and its reference frames."""

    def __init__(self, size: tuple[int, int], settings: EncoderSettings, plays: int) -> None:
        encoder_quality = round(to_encoder_quality(settings.quality, "avif_fast_420"))
        # Not through the plugin's `_save`, which wants a list of all frames. Its order of
        # arguments: size, subsampling, quantisers (-1: by quality), quality, speed, threads,
        # codec, range, tiles, alpha, tiling, then metadata.
        self._encoder: Any = _avif.AvifEncoder(
            *(*size, "4:2:0", -1, -1, encoder_quality, _SPEED, 1, "aom", "full"),
            *(0, 0, False, True, b"", b"", 1, b"", None),
        )
        self._plays = plays

    def add(self, image: Image.Image, ms: int) -> None:
        """One whole frame, RGB or RGBA like all before it, shown for so many milliseconds."""
        pixels = image.tobytes("raw", image.mode)
        self._encoder.add(pixels, ms, *image.size, image.mode, False)

    def hurry(self) -> None:
        """Does nothing: libaom has no faster speed for what is left."""

    def finish(self) -> Encoded:
        """Returns the file."""
        data = self._encoder.finish()
        if data is None:
            raise ImageError("The animation could not be encoded")
        return Encoded(_with_plays(data, self._plays), Encoding.REENCODED)


def _with_plays(data: bytes, plays: int) -> bytes:
    """The file with its number of plays (0 is endless) and without the time it was made at.

    An edit list whose flag 1 is set is repeated for as long as the track lasts (ISO/IEC 14496-12,
    8.6.6 and 8.3.2). libavif writes that flag and an endless track, and its decoder divides one
    duration by the other; the plugin has no argument for it. All these boxes have version 1.
    """
    file = bytearray(data)
    boxes = list(walk(data, _PARENTS))
    duration = next((_u64(file, at + 8) for name, at, *_ in boxes if name == b"elst"), 0)
    for name, at, *_ in boxes:
        if name in (b"mvhd", b"tkhd", b"mdhd"):
            struct.pack_into(">QQ", file, at + 4, 0, 0)  # creation and modification time
        if name in (b"mvhd", b"tkhd") and plays:
            struct.pack_into(">Q", file, at + (24 if name == b"mvhd" else 28), duration * plays)
    return bytes(file)


def _u64(file: bytearray, at: int) -> int:
    return int.from_bytes(file[at : at + 8], "big")
