"""JPEG, by libjpeg-turbo."""

import io

from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoded import Encoded
from workers.imaging.scale import on_scale

MAX_SIDE = 65500  # pixels; the format ends at 65,535, libjpeg a little earlier

_FULL_COLOUR_FROM = 90  # our quality, from which the colour is kept at full resolution


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:  # noqa: ARG001
    """Progressive with optimal Huffman tables, which save 6 % of the bytes.

    Transparency is laid on white. Below quality 90 colour has half the resolution (4:2:0).
    """
    full = quality >= _FULL_COLOUR_FROM
    out = io.BytesIO()
    _on_white(image).save(
        out,
        "JPEG",
        quality=on_scale(quality, "jpeg444" if full else "jpeg"),
        progressive=True,
        optimize=True,
        subsampling="4:4:4" if full else "4:2:0",
    )
    return Encoded(out.getvalue(), Encoding.REENCODED)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.mode.endswith("A"):
        return image
    white = Image.new(image.mode[:-1], image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white
