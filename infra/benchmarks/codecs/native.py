"""The engine's encoders on their own scales, as the calibration wants them: number in, file out."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image

from shared.models import Effort
from workers.imaging.encoding import avif, jpeg, webp
from workers.imaging.encoding.quality import Scale


@dataclass(frozen=True)
class Native:
    """One encoder. scale: on which of the engine's scales it finds a picture's number."""

    run: Callable[[Image.Image, float], bytes]
    scale: Callable[[Image.Image], Scale]


def _turbo(image: Image.Image, number: float) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=round(number))
    return out.getvalue()


def _always(scale: Scale) -> Callable[[Image.Image], Scale]:
    return lambda _: scale


def _avif(effort: Effort) -> Native:
    def run(image: Image.Image, number: float) -> bytes:
        return avif.lossy(image, number, avif.way(image, effort)[0], "4:4:4")

    return Native(run, lambda image: avif.way(image, effort)[1])


def _avif420(image: Image.Image, number: float) -> bytes:
    return avif.lossy(image, number, avif.way(image, Effort.BALANCED)[0], "4:2:0")


# Each is given a copy: the engine's encoders take their picture over.
ENCODERS: Mapping[str, Native] = {
    "webp": Native(webp.lossy, _always("webp")),
    "jpegli": Native(jpeg.half_colour, _always("jpegli")),
    "jpeg444": Native(jpeg.full_colour, _always("jpeg444")),
    "avif": _avif(Effort.BALANCED),
    "avif_fast": _avif(Effort.FAST),
    "avif_small": _avif(Effort.SMALL),
    "avif420": Native(_avif420, _always("avif420")),
}
TURBO = _turbo  # 4:2:0, Pillow's default
