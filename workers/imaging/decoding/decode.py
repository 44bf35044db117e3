"""Bytes to pixels, only by the decoder for the type that the probe found."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image
from PIL.GifImagePlugin import GifImageFile

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from workers.imaging.decoding import avif, bmp, heif, tiff, webp
from workers.imaging.decoding.jpeg import with_end, without_unneeded_segments
from workers.imaging.decoding.png import check_rows, corrected
from workers.imaging.decoding.png_repair import repaired
from workers.imaging.formats.probe import Probe
from workers.imaging.transform.orient import orientation_of
from workers.imaging.transform.resize import fit

# Pillow's own check against bombs has a fixed limit, and operators may set a higher one. Ours is
# in `decode`: no image with more pixels than the probe found is decoded.
Image.MAX_IMAGE_PIXELS = None

# The exceptions that Pillow's decoders raise on damaged files.
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

# Scaled decoding keeps at least this many times the pixels of the result per side, so that Lanczos
# does the last, visible part of the scaling. It halves the CPU of large JPEGs.
SCALED_DECODING_FACTOR = 1.5


@dataclass
class Source:
    """A decoded image, not yet upright.

    image: any Pillow mode, its profile in `info`; a JPEG may be at 1/2, 1/4 or 1/8 of its size.
    box: the part of `image` that holds the picture, in fractional pixels of `image` (left, top,
        right, bottom); scaled decoding rounds sizes up.
    width, height: the full size as stored, in pixels.
    orientation: EXIF's, 1 to 8; 1 for HEIC, whose decoder turns the image.
    """

    image: Image.Image
    box: tuple[float, float, float, float]
    width: int
    height: int
    orientation: int

    def detach_image(self) -> Image.Image:
        """The image, of which the caller then has the only reference; leaves an empty one."""
        image, self.image = self.image, Image.new("1", (0, 0))
        return image


def decode(
    data: bytes,
    probe: Probe,
    max_width: int | None = None,
    max_height: int | None = None,
    min_side: int = 1,
) -> Source:
    """Decodes the first frame; a JPEG at a smaller scale if the box for the result allows it.

    max_width, max_height: the box for the upright image, in pixels.
    min_side: pixels of the longer side that are needed whatever the box; never scaled up.
    Only the decoder for the probe's type can run, whatever the bytes look like. Raises
    CorruptImageError if they do not decode completely.
    """
    damaged = CorruptImageError(f"This {probe.kind.facts.label} image is damaged or cut short")
    try:
        data = _repaired(data, probe)
        image, orientation = _open(data, probe)
        if image.width * image.height > probe.width * probe.height:
            raise damaged
        width, height = image.size
        box = _scale_while_decoding(image, orientation, max_width, max_height, min_side)
        image = _loaded(image, data, probe.kind)
    except DAMAGE:
        raise damaged from None
    if probe.kind in (ImageType.AVIF, ImageType.HEIC):  # cropped by clap
        width, height = image.size
        box = (0, 0, width, height)
    if probe.kind is ImageType.PNG:
        orientation = orientation_of(image)  # its chunk may come after the pixels
    return Source(image, box, width, height, orientation)


def _repaired(data: bytes, probe: Probe) -> bytes:
    """The file without what Pillow refuses and other readers pass over."""
    if probe.kind is ImageType.PNG:
        return repaired(data)
    if probe.kind is not ImageType.JPG:
        return data
    data = without_unneeded_segments(data)
    return with_end(data) if probe.unended else data


def _open(data: bytes, probe: Probe) -> tuple[Image.Image, int]:
    """The image, not always decoded yet, and the orientation that is still to be applied."""
    kind = probe.kind
    if kind is ImageType.TIFF:
        return tiff.open_tiff(data)
    if kind is ImageType.HEIC:
        # Its own boxes for it are already applied; its EXIF only repeats them.
        return heif.open_heif(data), 1
    if kind is ImageType.BMP:
        return bmp.open_bmp(data), 1
    if kind is ImageType.AVIF:
        image: Image.Image = avif.open_avif(data)
    elif kind is ImageType.WEBP:
        image = webp.open_webp(data, probe.width * probe.height)
    else:
        image = Image.open(io.BytesIO(data), formats=[kind.facts.decoder])
    return image, orientation_of(image)


def _loaded(image: Image.Image, data: bytes, kind: ImageType) -> Image.Image:
    """The image with its pixels, and with what Pillow's decoder leaves undone."""
    frame = image.tile[0].extents if isinstance(image, GifImageFile) else None
    image.load()
    if kind is ImageType.PNG:
        check_rows(image, data)
        image = corrected(image, data)
    elif kind is ImageType.AVIF:
        image = avif.shown(image, data)
    elif kind is ImageType.HEIC:
        image = heif.shown(image)
    if frame and frame != (0, 0, *image.size):
        image = _on_transparent_canvas(image, frame)
    if image.mode == "P" and image.palette is None:
        raise ValueError("a PNG without its PLTE")
    return image


def _on_transparent_canvas(image: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    """A GIF whose first frame is smaller than the canvas, transparent around it as in browsers.

    frame: left, top, right, bottom. Pillow fills the rest with a colour.
    """
    canvas = Image.new("RGBA", image.size)
    canvas.paste(image.convert("RGBA").crop(frame), frame[:2])
    return canvas


def _scale_while_decoding(
    image: Image.Image,
    orientation: int,
    max_width: int | None,
    max_height: int | None,
    min_side: int,
) -> tuple[float, float, float, float]:
    """Sets a JPEG to decode at a smaller scale; returns the `box` of the `Source`."""
    whole = (0, 0, image.width, image.height)
    if orientation >= 5:
        max_width, max_height = max_height, max_width
    boxes = (max_width, max_height), (min_side, min_side)
    width, height = map(max, *(fit(image.width, image.height, *box) for box in boxes))
    needed = round(width * SCALED_DECODING_FACTOR), round(height * SCALED_DECODING_FACTOR)
    scaled = image.draft(None, needed)
    return scaled[1] if scaled else whole
