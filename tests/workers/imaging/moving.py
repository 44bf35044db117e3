"""Animations that the tests are made of, and what is in one."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from shared.imagetype import ImageType
from tests.workers.imaging.making import saved

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))
MOVING = (ImageType.WEBP, ImageType.AVIF)
KINDS = ("GIF", "WEBP")


def flat(size: tuple[int, int] = (48, 32)) -> list[Image.Image]:
    return [Image.new("RGB", size, colour) for colour in COLOURS]


def grainy(count: int, size: tuple[int, int] = (48, 32)) -> list[Image.Image]:
    values = np.random.default_rng(5).integers(0, 256, (count, *size[::-1], 3), dtype=np.uint8)
    return [Image.fromarray(frame) for frame in values]


def moving(kind: str, frames: list[Image.Image], **options: Any) -> bytes:
    extra = {"lossless": True} if kind == "WEBP" else {}
    options = {"duration": 40, "loop": 0, **extra, **options}
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def frames(data: bytes) -> Iterator[Image.Image]:
    image = Image.open(io.BytesIO(data))
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        yield image.copy()
