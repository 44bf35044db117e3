"""WebPs made to cost: canvases without pixels, frames and chunks without end."""

import struct

import pytest

from shared.imagetype import ImageType
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.workers.imaging.making import noise, riff, saved
from tests.workers.imaging.moving import flat, moving

MANY = 20_000_000  # bytes, the most that an upload may have
STILL = saved(noise(), "WEBP")
LOSSY = (STILL[12:16], STILL[20:])


def u24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def canvas(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    return b"VP8X", bytes((flags, 0, 0, 0)) + u24(width - 1) + u24(height - 1)


def lossless(width: int, height: int, pixels: bytes = bytes(9)) -> tuple[bytes, bytes]:
    return b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + pixels


def frame(width: int, height: int, *chunks: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    head = bytes(6) + u24(width - 1) + u24(height - 1) + bytes(4)
    return b"ANMF", head + riff(*chunks)[12:]


def test_a_canvas_of_a_few_bytes_is_refused() -> None:
    canvases = (
        ((size, flags), riff(canvas(*size, flags), (b"ANIM", bytes(6)), LOSSY))
        for size in ((2**24, 2**24), (2**24, 1), (16_383, 16_383))
        for flags in (0, 0x02, 0x10)
    )
    assert_outcomes(canvases, {"too_many_pixels", "corrupt_image"})


def test_a_picture_of_34_bytes_is_refused() -> None:
    data = riff(lossless(16_384, 16_384))
    assert len(data) == 34
    assert end(data).outcome == "too_many_pixels"


@pytest.mark.parametrize(
    "to", [ImageType.PNG, pytest.param(ImageType.WEBP, marks=pytest.mark.full)]
)
def test_frames_without_end_are_refused(to: ImageType) -> None:
    one = frame(8, 8, lossless(8, 8))
    data = riff(canvas(8, 8, 2), (b"ANIM", bytes(6)), *[one] * 400_000)
    assert end(data, to).outcome == "too_many_frames"


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.AVIF])
def test_large_frames_are_refused_where_all_are_wanted(to: ImageType) -> None:
    one = frame(9_000, 9_000, lossless(9_000, 9_000))
    data = riff(canvas(9_000, 9_000, 2), (b"ANIM", bytes(6)), one, one)
    assert end(data, to).outcome == "too_many_frames"


@pytest.mark.parametrize("to", [ImageType.JPG, ImageType.PNG])
def test_of_many_frames_one_is_decoded_where_one_is_wanted(to: ImageType) -> None:
    one = frame(2_000, 2_000, lossless(2_000, 2_000))
    data = riff(canvas(2_000, 2_000, 2), (b"ANIM", bytes(6)), *[one] * 1_000)
    assert end(data, to).outcome in {"ok", "corrupt_image"}


CHUNKS = {
    "unknown": (b"ABCD", b""),
    "profiles": (b"ICCP", b""),
    "EXIF": (b"EXIF", b"II*\0\x08\0\0\0\0\0"),
    "canvases": canvas(8, 8),
    "alphas": (b"ALPH", b""),
    "pixels": lossless(8, 8),
    "frames within frames": (b"ANMF", bytes(16)),
}


QUICK = ("EXIF", "canvases", "frames within frames")  # the others cost and do much the same


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in CHUNKS],
)
def test_chunks_without_end_cost_little(name: str) -> None:
    one = riff(CHUNKS[name])[12:]
    body = STILL[12:20] + STILL[20:]
    head = riff(canvas(96, 64))[12:]
    whole = head + one * ((MANY - 1_000) // len(one)) + body
    data = b"RIFF" + struct.pack("<I", 4 + len(whole)) + b"WEBP" + whole
    assert end(data).outcome in {"ok", *REFUSALS}


def test_a_length_that_lies_is_corrupt_or_harmless() -> None:
    lying = (
        ((length, at), STILL[:at] + struct.pack("<I", length) + STILL[at + 4 :])
        for length in (0, 1, 4, 2**31, 2**32 - 9, 2**32 - 1)
        for at in (4, 16)
    )
    assert_outcomes(lying, {"ok", "corrupt_image"})


def test_frames_outside_of_the_canvas_are_corrupt() -> None:
    outside = frame(8, 8, lossless(8, 8))
    outside = (b"ANMF", u24(4_000) * 2 + outside[1][6:])
    data = riff(canvas(8, 8, 2), (b"ANIM", bytes(6)), outside, outside)
    assert end(data).outcome == "corrupt_image"


def test_metadata_of_20_megabytes_costs_little() -> None:
    for name, flag in ((b"EXIF", 8), (b"XMP ", 4), (b"ICCP", 32)):
        data = riff(canvas(96, 64, flag), (name, bytes(19_000_000)), LOSSY)
        assert end(data).outcome in {"ok", "corrupt_image"}


def test_pixels_that_end_early_are_corrupt() -> None:
    data = riff(canvas(8_000, 8_000), lossless(8_000, 8_000, noise().tobytes()[:400]))
    assert end(data).outcome == "corrupt_image"


def test_a_film_whose_frames_are_still_larger_inside_is_refused() -> None:
    lying = frame(8, 8, lossless(16_000, 16_000))
    data = riff(canvas(8, 8, 2), (b"ANIM", bytes(6)), lying, lying)
    assert end(data).outcome == "too_many_pixels"


def test_a_film_is_read_although_bytes_follow_it() -> None:
    assert end(moving("WEBP", flat()) + b"PK\3\4 SECRET").outcome == "ok"
