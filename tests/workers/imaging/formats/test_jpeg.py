"""What a JPEG's header says of its coding."""

import io

import pytest
from PIL import Image

from workers.imaging.formats.probe import probe


def jpeg(**options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((64, 48), 50).convert("RGB").save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_progressive_jpeg_is_told_from_a_baseline_one(progressive: bool) -> None:
    assert probe(jpeg(progressive=progressive)).progressive is progressive


def test_a_thumbnail_says_nothing_of_the_picture_around_it() -> None:
    inner = jpeg(progressive=True)
    outer = jpeg(exif=b"Exif\0\0" + inner)
    assert inner in outer
    assert not probe(outer).progressive
