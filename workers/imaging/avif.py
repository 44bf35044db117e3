"""AVIF, by libaom through pillow-avif-plugin (Pillow's own encoder has no choice of tuning)."""

import io

from PIL import Image
from pillow_avif import AvifImagePlugin

from workers.imaging.scale import on_scale

MAX_SIDE = 32768  # pixels; libavif, which browsers decode with, opens no longer side

_SPEED = 8


def encode(image: Image.Image, quality: int) -> bytes:
    """4:2:0, tuned for still images, on one thread so that one image is one core."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    out = io.BytesIO()
    # Pillow's registry could hold either plugin; this names the one that is meant.
    image.encoderinfo = {
        "quality": on_scale(quality, "avif"),
        "codec": "aom",
        "speed": _SPEED,
        "max_threads": 1,
        "advanced": {"tune": "iq"},
    }
    AvifImagePlugin._save(image, out, "")
    return out.getvalue()
