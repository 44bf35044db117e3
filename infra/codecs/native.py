"""The engine's encoders on their own scales, as the calibration wants them: number in, file out."""

import io
from collections.abc import Callable, Mapping

from PIL import Image

from shared.models import Effort
from workers.imaging import avif, jpeg, webp

Native = Callable[[Image.Image, float], bytes]


def _turbo(image: Image.Image, number: float) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=round(number))
    return out.getvalue()


# Each is given a copy: the engine's encoders take their picture over.
ENCODERS: Mapping[str, Native] = {
    "webp": webp.lossy,
    "jpegli": jpeg.half_colour,
    "jpeg444": jpeg.full_colour,
    "avif": lambda image, number: avif.lossy(image, number, Effort.BALANCED, "4:4:4"),
    "avif_fast": lambda image, number: avif.lossy(image, number, Effort.FAST, "4:4:4"),
    "avif_small": lambda image, number: avif.lossy(image, number, Effort.SMALL, "4:4:4"),
    "avif420": lambda image, number: avif.lossy(image, number, Effort.BALANCED, "4:2:0"),
}
TURBO: Native = _turbo  # 4:2:0, Pillow's default
