"""AVIF, by libaom through pillow-avif-plugin."""

import io

from PIL import Image
from pillow_avif import AvifImagePlugin

from shared.models import Effort, Encoding
from workers.imaging.encoded import Encoded
from workers.imaging.scale import on_scale

MAX_SIDE = 32768  # pixels; libavif, which browsers decode with, opens no longer side

# Six photographs at 1024 pixels and equal SSIMULACRA2: speed 7 takes 1.7 times the CPU for 3 %
# of the bytes, speed 9 a quarter of it for 6 % more. SVT-AV1 4.1 has a third of the CPU at the
# same bytes, but leaves its caller under real-time scheduling (SCHED_FIFO 99) where it has the
# right to, and so starves the machine: not for a service.
_SPEED = 8


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:  # noqa: ARG001
    """4:2:0 (grey stays grey), tuned for still images, on one thread: one image is one core."""
    out = io.BytesIO()
    if image.mode == "LA":
        image = image.convert("RGBA")
    # Pillow's registry could hold its own AVIF instead; this names the plugin that is meant.
    image.encoderinfo = {
        "quality": on_scale(quality, "avif"),
        "codec": "aom",
        "speed": _SPEED,
        "max_threads": 1,
        "advanced": {"tune": "iq"},
    }
    AvifImagePlugin._save(image, out, "")
    return Encoded(out.getvalue(), Encoding.REENCODED)
