"""Passthrough for animations: which animated WebPs keep their own frames."""

from typing import Any

import pytest

from shared.imagetype import ImageType
from shared.models import Encoding, Watermark
from tests.workers.imaging.making import (
    ADOBE_RGB,
    matrix_profile,
    noise,
    opened,
    run,
    saved,
    with_exif,
)
from tests.workers.imaging.moving import flat, moving
from tests.workers.imaging.planting import FILES, SECRET, SRGB, faded, opened_all, soft
from workers.imaging.strip import strip

TIMES = [40, 90, 30]


def rough(**options: Any) -> bytes:
    """Three frames of such low quality that encoding them again at 100 is always larger."""
    frames = [soft(40, 30), soft(48, 30).crop((8, 0, 48, 30)), noise(40, 30)]
    how = {"quality": 5, "lossless": False, "duration": TIMES, "loop": 3}
    return moving("WEBP", frames, **(how | options))


def encoding(
    data: bytes, to: ImageType = ImageType.WEBP, mark: bytes | None = None, **more: Any
) -> str:
    return run(data, to, mark, **{"quality": 100} | more).encoding


ANIMATED = {name: data for name, (_, data) in FILES.items() if "animated" in name}
ANIMATED |= {"rough": rough(), "flat": moving("WEBP", flat())}
ANIMATED |= {"alpha": moving("WEBP", [faded(40, 30), faded(48, 30).crop((8, 0, 48, 30))])}


@pytest.mark.parametrize("name", ANIMATED)
def test_no_animated_result_is_larger_than_its_upload(name: str) -> None:
    data = ANIMATED[name]
    for quality in (40, 82, 100):
        once = run(data, ImageType.WEBP, quality=quality).data
        assert len(once) <= len(data), quality
        assert len(run(once, ImageType.WEBP, quality=100).data) <= len(once), quality


def test_an_animated_original_keeps_frames_times_and_plays() -> None:
    data = rough()
    output = run(data, ImageType.WEBP, quality=100)
    assert output.encoding is Encoding.ORIGINAL
    assert opened_all(output.data) == opened_all(data)
    assert (output.width, output.height) == (40, 30)


def test_an_animation_that_becomes_smaller_is_encoded_again() -> None:
    assert encoding(rough(quality=100), quality=40) == "reencoded"


def test_an_animated_original_loses_its_metadata() -> None:
    data = rough(xmp=b"<x>SECRET</x>", exif=with_exif(gps=True), icc_profile=SRGB)
    out = run(data, ImageType.WEBP, quality=100)
    assert out.encoding is Encoding.ORIGINAL
    assert SECRET not in out.data
    assert not {"exif", "icc_profile", "xmp"} & set(opened(out.data).info)


@pytest.mark.parametrize("ms", [0, 10])
def test_an_animation_with_a_frame_of_at_most_10_ms_is_encoded_again(
    ms: int,
) -> None:
    data = rough(duration=[40, ms, 30])
    output = run(data, ImageType.WEBP, quality=100)
    assert output.encoding is not Encoding.ORIGINAL
    assert encoding(rough(duration=[40, 11, 30])) == "original"


def test_a_resized_animation_is_encoded_again() -> None:
    assert encoding(rough(), max_width=39) == "reencoded"
    assert encoding(rough(), max_width=40, max_height=30) == "original"


def test_a_watermarked_animation_is_encoded_again() -> None:
    mark = saved(noise(9, 9), "PNG")
    assert encoding(rough(), mark=mark, watermark=Watermark(opacity_percent=0)) == "reencoded"


def test_an_animation_that_is_not_upright_is_encoded_again() -> None:
    for orientation in range(2, 9):
        assert encoding(rough(exif=with_exif(orientation))) == "reencoded", orientation


def test_an_animation_in_another_colour_space_is_encoded_again() -> None:
    assert encoding(rough(icc_profile=matrix_profile(ADOBE_RGB, 2.2))) == "reencoded"


def test_an_animated_webp_does_not_pass_through_as_avif() -> None:
    assert encoding(rough(), ImageType.AVIF) == "reencoded"


@pytest.mark.parametrize(
    ("at", "change"),
    [
        pytest.param(b"ANIM", 8 + 4, id="plays"),
        pytest.param(b"ANMF", 8 + 12, id="a time"),
        pytest.param(b"VP8 ", 100, id="a pixel"),
        pytest.param(b"ANMF", 8 + 0, id="a place outside"),
    ],
)
def test_a_stripped_animation_that_differs_is_not_used(
    at: bytes, change: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(data: bytes, kind: ImageType) -> bytes | None:
        out = bytearray(strip(data, kind) or b"")
        out[out.rindex(at) + change] ^= 1
        return bytes(out)

    monkeypatch.setattr("workers.imaging.animation.passthrough.strip", spoilt)
    assert encoding(rough()) == "reencoded"
