"""The engine's encoders at their own encoder qualities, as the calibration needs them."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image

from shared.models import Effort
from workers.imaging.encoding import avif, jpeg, webp
from workers.imaging.encoding.quality import QualityCurve


@dataclass(frozen=True)
class NativeEncoder:
    """encode: takes an image and an encoder quality. curve: the engine's choice for an image."""

    encode: Callable[[Image.Image, float], bytes]
    curve: Callable[[Image.Image], QualityCurve]


def _turbo(image: Image.Image, encoder_quality: float) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=round(encoder_quality))
    return out.getvalue()


def _always(curve: QualityCurve) -> Callable[[Image.Image], QualityCurve]:
    return lambda _: curve


def _avif(effort: Effort) -> NativeEncoder:
    def encode(image: Image.Image, encoder_quality: float) -> bytes:
        speed, _ = avif.speed_and_curve(image, effort)
        return avif.lossy(image, encoder_quality, speed, "4:4:4")

    return NativeEncoder(encode, lambda image: avif.speed_and_curve(image, effort)[1])


def _avif420(image: Image.Image, encoder_quality: float) -> bytes:
    speed, _ = avif.speed_and_curve(image, Effort.BALANCED)
    return avif.lossy(image, encoder_quality, speed, "4:2:0")


# Give each a copy: the engine's encoders close their image.
ENCODERS: Mapping[str, NativeEncoder] = {
    "webp": NativeEncoder(webp.lossy, _always("webp")),
    "jpegli": NativeEncoder(jpeg.half_colour, _always("jpegli")),
    "jpeg444": NativeEncoder(jpeg.full_colour, _always("jpeg444")),
    "avif": _avif(Effort.BALANCED),
    "avif_fast": _avif(Effort.FAST),
    "avif_small": _avif(Effort.SMALL),
    "avif420": NativeEncoder(_avif420, _always("avif420")),
}
TURBO = _turbo  # 4:2:0, Pillow's default
