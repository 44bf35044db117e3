"""AVIF, by pillow-avif-plugin (Pillow's own AVIF has neither SVT-AV1 nor its tunings)."""

import io

from PIL import Image
from pillow_avif import AvifImagePlugin

from workers.imaging.scale import on_scale

MAX_SIDE = 32768  # pixels; libavif, which browsers decode with, opens no longer side

# At equal SSIMULACRA2 and within 3 % of the bytes, SVT-AV1 preset 8 takes a third of the CPU of
# libaom speed 8. It does neither grey nor sides outside these (its version 4.1 fails there).
_SVT_SIDES = range(64, 16385)
_SPEED = 8


def encode(image: Image.Image, quality: int) -> bytes:
    """4:2:0 (grey stays grey), tuned for still images, on one thread: one image is one core.

    SVT-AV1 talks on stderr unless SVT_LOG=0 stands in the environment of the process.
    """
    if image.mode == "LA":
        image = image.convert("RGBA")
    if image.mode != "L" and all(side in _SVT_SIDES for side in image.size):
        return _save(image, on_scale(quality, "svt"), codec="svt", advanced={"tune": "3"})
    return _save(image, on_scale(quality, "aom"), codec="aom", advanced={"tune": "iq"})


def _save(image: Image.Image, quality: int, **options: object) -> bytes:
    out = io.BytesIO()
    # Pillow's registry could hold either plugin; this names the one that is meant.
    image.encoderinfo = {"quality": quality, "speed": _SPEED, "max_threads": 1, **options}
    AvifImagePlugin._save(image, out, "")
    return out.getvalue()
