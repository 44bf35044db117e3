"""Bytes to pixels, by the one decoder that the header called for."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from shared.models import Probe
from workers.imaging.decoding.avif import open_avif
from workers.imaging.decoding.heif import open_heif
from workers.imaging.decoding.jpeg import without_unneeded_segments
from workers.imaging.decoding.png import complete
from workers.imaging.decoding.png_damage import without_damage
from workers.imaging.transform.orient import orientation_of
from workers.imaging.transform.resize import fit

# Pillow's own bomb check has a fixed limit, which an operator may want to pass. Ours is the
# probe: no picture is decoded that has more pixels than its header was held against.
Image.MAX_IMAGE_PIXELS = None

# What Pillow's decoders raise on damaged files.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    AssertionError,
    RuntimeError,  # libavif's and libheif's
    ZeroDivisionError,  # pillow-avif-plugin's, where a second has no time units
    struct.error,
    zlib.error,
)

# Scaled decoding keeps at least this many pixels for each one of the result, so that Lanczos
# does the last and visible part. Of three photographs of 24 megapixels at 1600 pixels, it halves
# the CPU and scores 92 to 94 (SSIMULACRA2) against scaling the whole, as sharp does; what rounds
# other than the reference scores no more than 93 to 95.
_DRAFT_FACTOR = 1.5

_PNG_END = b"\0\0\0\0IEND\xaeB\x60\x82"


@dataclass
class Source:
    """A decoded picture, not yet upright.

    image: any Pillow mode, its profile in `info`; of a JPEG perhaps only 1/2, 1/4 or 1/8 size.
    box: the part of `image` that is picture, in its own fractional pixels (left, top, right,
        bottom); scaled decoding rounds up.
    width, height: full size in pixels before turning.
    orientation: EXIF's 1 to 8; 1 for TIFF and HEIC, which are turned while they load.
    """

    image: Image.Image
    box: tuple[float, float, float, float]
    width: int
    height: int
    orientation: int

    def take(self) -> Image.Image:
        """The picture, which is then held by the caller alone; an empty one stays behind."""
        image, self.image = self.image, Image.new("1", (0, 0))
        return image


def decode(
    data: bytes,
    probe: Probe,
    max_width: int | None = None,
    max_height: int | None = None,
    least_side: int = 1,
) -> Source:
    """Decode the first frame, a JPEG no larger than the box of the upright picture needs.

    least_side: pixels that its longer side is needed at, whatever the box; never scaled up.
    No decoder but the probe's can run, whatever the bytes pretend to be. Raises
    CorruptImageError where they do not decode whole.
    """
    damaged = CorruptImageError(f"This {probe.kind.facts.label} image is damaged or cut short")
    try:
        if probe.kind is ImageType.PNG:
            data = without_damage(data)
        elif probe.kind is ImageType.JPG:
            data = without_unneeded_segments(data)
        image: Image.Image = _open(data, probe.kind)
        if image.width * image.height > probe.width * probe.height:
            raise damaged
        width, height = image.size
        # HEIC turns by boxes of its own, applied already; its EXIF only repeats them.
        orientation = 1 if probe.kind is ImageType.HEIC else orientation_of(image)
        box = _draft(image, orientation, max_width, max_height, least_side)
        place = image.tile[0].extents if isinstance(image, GifImageFile) else None
        image.load()
        if probe.kind is ImageType.PNG:
            image = complete(image, data)
        if place and place != (0, 0, width, height):
            image = _on_nothing(image, place)
        if image.mode == "P" and image.palette is None:
            raise damaged  # a PNG without its PLTE
    except DAMAGE:
        raise damaged from None
    if probe.kind is ImageType.PNG:
        if data.rfind(_PNG_END) < 0:
            raise damaged  # Pillow is content once it has the pixels
        orientation = orientation_of(image)  # which may stand behind the pixels
    return Source(image, box, width, height, orientation)


def _open(data: bytes, kind: ImageType) -> Image.Image:
    if kind is ImageType.HEIC:
        return open_heif(data)
    if kind is ImageType.AVIF:
        return open_avif(data)
    return Image.open(io.BytesIO(data), formats=[kind.facts.decoder])


def _on_nothing(image: Image.Image, place: tuple[int, int, int, int]) -> Image.Image:
    """A GIF whose first frame is smaller than the canvas, with nothing around it, as in browsers.

    place: where the frame is (left, top, right, bottom). Pillow fills the rest with some colour.
    """
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.convert("RGBA").crop(place), place[:2])
    return canvas


def _draft(
    image: Image.Image,
    orientation: int,
    max_width: int | None,
    max_height: int | None,
    least_side: int,
) -> tuple[float, float, float, float]:
    """Ask a JPEG for scaled decoding; the part of the picture that holds pixels."""
    whole = (0, 0, image.width, image.height)
    if orientation >= 5:
        max_width, max_height = max_height, max_width
    boxes = (max_width, max_height), (least_side, least_side)
    width, height = map(max, *(fit(image.width, image.height, *box) for box in boxes))
    drafted = image.draft(None, (round(width * _DRAFT_FACTOR), round(height * _DRAFT_FACTOR)))
    return drafted[1] if drafted else whole
