"""Passthrough: an upload's own coded pixels, if encoding them again would gain nothing.

So a result is never larger than its upload, as long as the format and the size stay the same, no
watermark is applied, and the upload is upright and in sRGB. Files that are too unusual for
`strip` are not covered.
"""

from dataclasses import dataclass

import oxipng
from PIL import Image

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from shared.models import Encoding, Options
from workers.imaging.colour.spaces import BT709
from workers.imaging.decoding.decode import Source, decode
from workers.imaging.decoding.digest import pixel_digest
from workers.imaging.decoding.png_repair import repaired
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.jpeg import SEARCH_MAX_BYTES
from workers.imaging.encoding.jpeg_scans import with_better_scans
from workers.imaging.formats.probe import Probe
from workers.imaging.job import ImageJob
from workers.imaging.strip import png, strip

_ROUNDING = 0.001  # by which writers of cHRM may move sRGB's chromaticities

# Better scans are not searched if saving a fifth would not beat the new file, nor in a file so
# small that the search process costs more than it saves.
_BEST_SCANS_RATIO = 0.8
_SCANS_MIN_BYTES = 8192

_OXIPNG_LEVEL = 1  # 16 bits per channel are twice the work: the level of fast effort
RECOMPRESSED_MAX_PIXELS = 24_000_000  # more would take up to 60 bytes and 1.5 µs of CPU for each


@dataclass(frozen=True)
class Original:
    """An upload whose own pixels may be the result.

    data: the whole file. pixels: the digest of its decoded pixels, see `pixel_digest`.
    """

    data: bytes
    probe: Probe
    pixels: bytes

    def sixteen_bit_png(self) -> Encoded | None:
        """The upload if it is a PNG with 16 bits per channel, else None.

        Encoding it again would leave 8 bits.
        """
        stripped = self._stripped() if self.probe.kind is ImageType.PNG else None
        if stripped is None or png.depth(stripped) != 16 or not self._has_same_pixels(stripped):
            return None
        if self.probe.width * self.probe.height > RECOMPRESSED_MAX_PIXELS:
            return Encoded(stripped, Encoding.ORIGINAL)
        return _recompressed(stripped)

    def or_smaller(self, new: Encoded) -> Encoded:
        """The upload without its metadata, or the new file if that is smaller.

        The stripped upload is decoded again and only used if its pixels are still the same.
        """
        stripped = self._stripped()
        if stripped is None:
            return new
        rescanned = None
        if self.probe.kind is ImageType.JPG:
            rescanned = _rescanned(stripped, len(new.data))
        for own in sorted(filter(None, (stripped, rescanned)), key=len):
            if len(own) <= len(new.data) and self._has_same_pixels(own):
                return Encoded(own, Encoding.ORIGINAL)
        return new

    def _stripped(self) -> bytes | None:
        """The upload without metadata, and without what only some readers of PNG pass over."""
        is_png = self.probe.kind is ImageType.PNG
        return strip(repaired(self.data) if is_png else self.data, self.probe.kind)

    def _has_same_pixels(self, own: bytes) -> bool:
        try:
            return pixel_digest(decode(own, self.probe).image) == self.pixels
        except CorruptImageError:
            return False


def passthrough_candidate(job: ImageJob, source: Source) -> Original | None:
    """The upload, if its own pixels may be the result; None if format, size or turn change.

    The caller drops it when a watermark or a colour conversion changes the pixels later.
    """
    image = source.image
    if (
        job.probe.kind is job.options.format
        and job.probe.frames == 1
        and image.size == (source.width, source.height)
        and not _is_scaled_down(job.options, source)
        and source.orientation == 1
        and _has_srgb_primaries(image)
    ):
        return Original(job.data, job.probe, pixel_digest(image))
    return None


def _is_scaled_down(options: Options, source: Source) -> bool:
    """Whether the box is smaller than the image."""
    max_width, max_height = options.max_width, options.max_height
    return bool(
        (max_width and max_width < source.width) or (max_height and max_height < source.height)
    )


def _has_srgb_primaries(image: Image.Image) -> bool:
    """PNG, third edition, 4.3: cHRM counts only without a profile and without an sRGB chunk."""
    stored = image.info.get("chromaticity")
    if not stored or "srgb" in image.info or "icc_profile" in image.info:
        return True
    pairs = zip(stored, BT709, strict=True)
    return all(abs(value - srgb) <= _ROUNDING for value, srgb in pairs)


def _recompressed(stripped: bytes) -> Encoded:
    """A PNG with 16 bits per channel, compressed better; bits go only if nothing is lost."""
    try:
        smaller = oxipng.optimize_from_memory(
            stripped, level=_OXIPNG_LEVEL, interlace="off", strip="all", scale_16=False
        )
    except oxipng.PngError:
        smaller = stripped
    if len(smaller) < len(stripped):
        return Encoded(smaller, Encoding.LOSSLESS)
    return Encoded(stripped, Encoding.ORIGINAL)


def _rescanned(jpeg: bytes, max_bytes: int) -> bytes | None:
    """The JPEG with better scans, if these have a chance to bring it down to `max_bytes`."""
    if not _SCANS_MIN_BYTES <= len(jpeg) <= SEARCH_MAX_BYTES:
        return None
    if len(jpeg) * _BEST_SCANS_RATIO > max_bytes:
        return None
    return with_better_scans(jpeg)
