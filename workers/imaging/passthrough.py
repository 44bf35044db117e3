"""Never larger: an upload's own pixels, where encoding them anew would win nothing.

The whole of the promise: the same format in and out, not resized, nothing laid over it, upright
and plain in colour, then the answer is no larger than the upload. A file that `strip` finds too
unusual is outside of it.
"""

from dataclasses import dataclass
from hashlib import blake2b

import oxipng
from PIL import Image

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from shared.models import Encoding, Options, Probe
from workers.imaging.decoding.decode import Source, decode
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.jpeg_scans import with_better_scans
from workers.imaging.strip import png, strip

# White point and primaries of sRGB as PNG's cHRM names them (IEC 61966-2-1), and how far writers'
# rounding takes them.
_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_ROUNDING = 0.001

# Better scans take 3 to 12 % off a JPEG. They are not looked for where a fifth less would not beat
# the new file, nor in a file so small (bytes) that the process they need costs more than they save.
_MOST_BY_SCANS = 0.8
_LEAST_FOR_SCANS = 8192

_OXIPNG_LEVEL = 1  # 16 bits a channel are twice the work: the fast effort of new files
_ROWS = 256  # digested at a time: all bytes of a large picture are a copy of it


@dataclass(frozen=True)
class Original:
    """An upload whose own pixels may go out.

    data: the whole file. look: what `look` made of its pixels; the pixels themselves would be
    a second copy of the picture.
    """

    data: bytes
    probe: Probe
    look: bytes

    def deep(self) -> Encoded | None:
        """A PNG of 16 bits a channel, which encoding anew would leave with 8; None for others."""
        stripped = strip(self.data, ImageType.PNG) if self.probe.kind is ImageType.PNG else None
        if stripped is None or png.depth(stripped) != 16 or not self._is_same(stripped):
            return None
        return _deep(stripped)

    def or_smaller(self, new: Encoded) -> Encoded:
        """The upload without its metadata, or the new file where that is smaller.

        What goes out of the upload was decoded once more and found to have the same pixels.
        """
        stripped = strip(self.data, self.probe.kind)
        if stripped is None:
            return new
        packed = _packed(stripped, len(new.data)) if self.probe.kind is ImageType.JPG else None
        for own in sorted(filter(None, (stripped, packed)), key=len):
            if len(own) <= len(new.data) and self._is_same(own):
                return Encoded(own, Encoding.ORIGINAL)
        return new

    def _is_same(self, own: bytes) -> bool:
        try:
            return look(decode(own, self.probe).image) == self.look
        except CorruptImageError:
            return False


def candidate(data: bytes, source: Source, probe: Probe, options: Options) -> Original | None:
    """The upload, where the finished picture is to be its own in the same format and size.

    Whether a watermark or a change of colours makes another picture of it is for the caller to
    see. A JPEG in CMYK always changes its colours; an animation is never a still.
    """
    image = source.image
    if (
        probe.kind is options.format
        and probe.frames == 1
        and image.size == (source.width, source.height)
        and not _is_smaller(options, source)
        and source.orientation == 1
        and _has_srgb_primaries(image)
    ):
        return Original(data, probe, look(image))
    return None


def _is_smaller(options: Options, source: Source) -> bool:
    """Whether the box scales the picture down."""
    wide, high = options.max_width, options.max_height
    return bool((wide and wide < source.width) or (high and high < source.height))


def _has_srgb_primaries(image: Image.Image) -> bool:
    """PNG, third edition, 4.3: cHRM counts where neither a profile nor sRGB stands beside it."""
    named = image.info.get("chromaticity")
    if not named or "srgb" in image.info or "icc_profile" in image.info:
        return True
    pairs = zip(named, _CHROMATICITY, strict=True)
    return all(abs(value - srgb) <= _ROUNDING for value, srgb in pairs)


def _deep(stripped: bytes) -> Encoded:
    """A PNG of 16 bits a channel, packed better, with fewer bits only where none is lost."""
    try:
        packed = oxipng.optimize_from_memory(
            stripped, level=_OXIPNG_LEVEL, interlace="off", strip="all", scale_16=False
        )
    except oxipng.PngError:
        packed = stripped
    if len(packed) < len(stripped):
        return Encoded(packed, Encoding.LOSSLESS)
    return Encoded(stripped, Encoding.ORIGINAL)


def _packed(jpeg: bytes, bound: int) -> bytes | None:
    """The JPEG with better scans, where these may bring it to `bound` bytes at a fair price."""
    if len(jpeg) < _LEAST_FOR_SCANS or len(jpeg) * _MOST_BY_SCANS > bound:
        return None
    return with_better_scans(jpeg)


def look(image: Image.Image) -> bytes:
    """A digest of mode, size, palette, transparency and pixels."""
    palette = image.getpalette("RGBA") if image.mode == "P" else None
    facts = (image.mode, image.size, palette, image.info.get("transparency"))
    digest = blake2b(repr(facts).encode())
    for top in range(0, image.height, _ROWS):
        box = (0, top, image.width, min(top + _ROWS, image.height))
        digest.update(image.crop(box).tobytes())
    return digest.digest()
