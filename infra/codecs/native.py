"""Encoders on their own scales, as the calibration wants them: a number in, a file out."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import pyjpegli
from PIL import Image
from pillow_avif import AvifImagePlugin

Native = Callable[[Image.Image, float], bytes]


def _pillow(kind: str, **options: Any) -> Native:
    def run(image: Image.Image, number: float) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, quality=round(number), **options)
        return out.getvalue()

    return run


def _jpegli(image: Image.Image, number: float) -> bytes:
    return bytes(pyjpegli.encode(image.tobytes(), image.width, image.height, round(number)))


def _avif(image: Image.Image, number: float) -> bytes:
    out = io.BytesIO()
    image = image.copy()
    # Pillow's registry could hold its own AVIF instead; this names the plugin that is meant.
    image.encoderinfo = {
        # 100 would be lossless, which libaom refuses with a tuning.
        "quality": min(99, round(number)),
        "codec": "aom",
        "speed": 7,
        "subsampling": "4:4:4",
        "max_threads": 1,
        "advanced": {"tune": "iq"},
    }
    AvifImagePlugin._save(image, out, "")
    return out.getvalue()


ENCODERS: Mapping[str, Native] = {
    "webp": _pillow("WEBP", method=4),
    "jpegli": _jpegli,
    "jpeg444": _pillow("JPEG", subsampling=0),
    "avif": _avif,
}
TURBO: Native = _pillow("JPEG")  # 4:2:0, Pillow's default
