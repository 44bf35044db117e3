"""The engine's encoders at their own encoder qualities, as the calibration needs them."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image

from shared.models import Effort
from workers.imaging.encoding import avif, jpeg, webp
from workers.imaging.encoding.content import steps_of
from workers.imaging.encoding.libavif import Subsampling
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


def _avif(effort: Effort, subsampling: Subsampling) -> NativeEncoder:
    def way(image: Image.Image) -> avif.Way:
        return avif.way_for(effort, subsampling, steps_of(image))

    def encode(image: Image.Image, encoder_quality: float) -> bytes:
        return avif.lossy(image, encoder_quality, way(image))

    return NativeEncoder(encode, lambda image: way(image).curve)


# Give each a copy: the engine's encoders close their image.
ENCODERS: Mapping[str, NativeEncoder] = {
    "webp": NativeEncoder(webp.lossy, _always("webp")),
    "jpegli": NativeEncoder(jpeg.half_colour, _always("jpegli")),
    "jpeg444": NativeEncoder(jpeg.full_colour, _always("jpeg444")),
    "avif_fast_420": _avif(Effort.FAST, "4:2:0"),
    "avif_fast_444": _avif(Effort.FAST, "4:4:4"),
    "avif_420": _avif(Effort.BALANCED, "4:2:0"),
    "avif_444": _avif(Effort.BALANCED, "4:4:4"),
    "avif_small_420": _avif(Effort.SMALL, "4:2:0"),
    "avif_small_444": _avif(Effort.SMALL, "4:4:4"),
}
TURBO = _turbo  # 4:2:0, Pillow's default
