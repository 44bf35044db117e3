"""JPEG: 4:2:0 by jpegli, 4:4:4 by libjpeg-turbo with scans by mozjpeg."""

import io

import mozjpeg_lossless_optimization as mozjpeg
import pyjpegli
from PIL import Image

from shared.models import Encoding
from workers.imaging.encoding import jpegli
from workers.imaging.encoding.content import bleeds
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed
from workers.imaging.encoding.quality import to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings

# From this quality on, 4:4:4 by libjpeg-turbo takes fewer bytes than 4:2:0 by jpegli at the same
# score.
FULL_COLOUR_MIN_QUALITY = 94

# The search for the best scans holds eight times these bytes in scans that it compares, and takes
# 0.3 s of CPU per megabyte. A photograph of 100 megapixels at quality 82 has 30 MB.
SEARCH_MAX_BYTES = 40_000_000

# Up to here jpegli writes the scans itself, in up to 13.5 bytes per pixel with noise.
OWN_SCANS_MAX_PIXELS = 40_000_000

_FLATTENED_ROWS = 256  # at a time: their colours and alpha are copied, 8 bytes for each pixel


def encode(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Encodes a progressive JPEG, with transparency on white. Closes the image.

    Subsampled 4:2:0 by jpegli, or 4:4:4 by libjpeg-turbo where the quality or coloured lines need
    it. There mozjpeg searches the scans that take the fewest bytes, up to `SEARCH_MAX_BYTES`,
    which is most of the CPU.
    """
    flat = flatten(image, "white")
    if flat is not image:
        image.close()  # else it would stand beside the encoder's own copy of the flat one
    quality = settings.quality
    if quality >= FULL_COLOUR_MIN_QUALITY or bleeds(flat):
        jpeg = _with_best_scans(full_colour(flat, to_encoder_quality(quality, "jpeg444")))
    else:
        jpeg = half_colour(flat, to_encoder_quality(quality, "jpegli"))
    return Encoded(jpeg, Encoding.REENCODED)


def flatten(image: Image.Image, background: str) -> Image.Image:
    """The image without alpha, in L or RGB. background: a colour name that Pillow knows."""
    if not image.mode.endswith("A"):
        return image
    flat = Image.new(image.mode[:-1], image.size, background)
    for top in range(0, image.height, _FLATTENED_ROWS):
        part = image.crop((0, top, image.width, min(top + _FLATTENED_ROWS, image.height)))
        flat.paste(part.convert(flat.mode), (0, top), part.getchannel("A"))
    return flat


def half_colour(image: Image.Image, encoder_quality: float) -> bytes:
    """4:2:0 by jpegli, at its own quality of 1 to 100. Closes the image, as it needs a copy."""
    width, height = image.size
    pixels = packed(image if image.mode == "RGB" else image.convert("RGB"))
    image.close()
    if has_own_scans(width * height):
        return jpegli.encode(pixels, (width, height), round(encoder_quality))
    return _with_best_scans(bytes(pyjpegli.encode(pixels, width, height, round(encoder_quality))))


def has_own_scans(pixels: float) -> bool:
    """Whether jpegli writes the scans of 4:2:0 itself, so that none are searched."""
    return jpegli.is_available() and pixels <= OWN_SCANS_MAX_PIXELS


def full_colour(image: Image.Image, encoder_quality: float) -> bytes:
    """4:4:4 by libjpeg-turbo, at its own quality of 0 to 100; grey in one channel. Closes too."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=round(encoder_quality), subsampling="4:4:4")
    image.close()
    return out.getvalue()


def _with_best_scans(jpeg: bytes) -> bytes:
    if len(jpeg) > SEARCH_MAX_BYTES:
        return jpeg
    # In this process, unlike for uploads: an encoder's coefficients are never out of range.
    best: bytes = mozjpeg.optimize(jpeg, mozjpeg.COPY_MARKERS.NONE)
    return min(best, jpeg, key=len)
