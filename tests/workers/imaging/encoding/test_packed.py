"""Pixels for the encoders outside of Pillow."""

import tracemalloc

import pytest
from PIL import Image

from workers.imaging.encoding.packed import packed


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_packed_pixels_are_those_of_tobytes(mode: str) -> None:
    noise = [Image.effect_noise((70, 700), 80) for _ in mode]
    image = Image.merge(mode, noise)
    assert packed(image) == image.tobytes()


def test_packing_takes_the_memory_of_the_pixels_only_once() -> None:
    image = Image.new("RGB", (2000, 2000))
    tracemalloc.start()
    try:
        size = len(packed(image))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * size
