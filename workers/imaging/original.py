"""Never larger: an upload's own pixels, where encoding them anew would win nothing.

The whole of the promise: the same format in and out, not resized, nothing laid over it, upright
and plain in colour, then the answer is no larger than the upload. A file that `strip` finds too
unusual is outside of it.
"""

from collections.abc import Callable

import oxipng
from PIL import Image

from shared.errors import CorruptImageError
from shared.models import Encoding, Format, Options, Probe
from workers.imaging.decode import Source, decode
from workers.imaging.encoded import Encoded
from workers.imaging.scans import with_better_scans
from workers.imaging.strip import png, strip

_KINDS = {Format.WEBP: "WEBP", Format.AVIF: "AVIF", Format.JPG: "JPEG", Format.PNG: "PNG"}

# White point and primaries of sRGB as PNG's cHRM names them (IEC 61966-2-1), and how far writers'
# rounding takes them.
_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_ROUNDING = 0.001

# Better scans take 3 to 12 % off a JPEG. They are not looked for where a fifth less would not beat
# the new file, nor in a file so small (bytes) that the process they need costs more than they save.
_MOST_BY_SCANS = 0.8
_LEAST_FOR_SCANS = 8192

_OXIPNG_LEVEL = 1  # as for new files
_ROWS = 256  # compared at a time: whole pictures side by side would take twice the memory


def is_untouched(
    source: Source, probe: Probe, options: Options, *, marked: bool, recoloured: bool
) -> bool:
    """Whether the finished picture is the upload's, pixel for pixel, in the same format.

    marked: a watermark was laid, be it one that cannot be seen. recoloured: a profile or a gamma
    changed colours. A JPEG in CMYK is always recoloured; an animation is never a still.
    """
    image = source.image
    return (
        probe.kind == _KINDS[options.format]
        and probe.frames == 1
        and image.size == (source.width, source.height)
        and not _is_smaller(options, source)
        and source.orientation == 1
        and not marked
        and not recoloured
        and _has_srgb_primaries(image)
    )


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


def smallest(data: bytes, source: Source, probe: Probe, anew: Callable[[], Encoded]) -> Encoded:
    """The upload without its metadata, or the new file where that is smaller.

    data: the upload, for which `is_untouched` holds; anew: encodes its pixels again, and is not
    called for a PNG of 16 bits a channel, of which it would have 8. What goes out of the upload
    was decoded once more and found to have the same pixels.
    """
    stripped = strip(data, probe.kind)
    if stripped is None:
        return anew()
    if probe.kind == "PNG" and png.depth(stripped) == 16 and _is_same(stripped, source, probe):
        return _deep(stripped)
    new = anew()
    packed = _packed(stripped, len(new.data)) if probe.kind == "JPEG" else None
    for own in sorted(filter(None, (stripped, packed)), key=len):
        if len(own) <= len(new.data) and _is_same(own, source, probe):
            return Encoded(own, Encoding.ORIGINAL)
    return new


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


def _is_same(own: bytes, source: Source, probe: Probe) -> bool:
    """Whether a file decodes to the upload's pixels, palette and transparency."""
    try:
        image = decode(own, probe).image
    except CorruptImageError:
        return False
    other = source.image
    if (image.mode, image.size) != (other.mode, other.size):
        return False
    if image.info.get("transparency") != other.info.get("transparency"):
        return False
    if image.mode == "P" and image.getpalette("RGBA") != other.getpalette("RGBA"):
        return False
    return all(_are_equal(image, other, top) for top in range(0, image.height, _ROWS))


def _are_equal(one: Image.Image, other: Image.Image, top: int) -> bool:
    box = (0, top, one.width, min(top + _ROWS, one.height))
    return one.crop(box).tobytes() == other.crop(box).tobytes()
