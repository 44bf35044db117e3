"""GIFs made to cost: frames, blocks and codes without end, and screens without a picture."""

import struct

import pytest

from shared.imagetype import ImageType
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.workers.imaging.making import noise, saved
from tests.workers.imaging.moving import flat, moving

BARE = saved(noise().quantize(64), "GIF")
MANY = 20_000_000  # bytes, the most that an upload may have
LZW = b"\x02\x02\x4c\x01\x00"  # four pixels of two bits


def screen(width: int = 4, height: int = 4) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)


def frame(
    width: int = 2, height: int = 2, codes: bytes = LZW, at: tuple[int, int] = (0, 0)
) -> bytes:
    return b"," + struct.pack("<HHHHB", *at, width, height, 0) + codes


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.PNG])
def test_more_frames_than_allowed_are_refused(to: ImageType) -> None:
    assert end(screen() + frame() * 1_001 + b";", to).outcome == "too_many_frames"


def test_frames_without_end_are_refused() -> None:
    assert end(screen() + frame() * 1_300_000 + b";").outcome == "too_many_frames"


BLOCKS = {
    "empty comments": b"!\xfe\0",
    "comments": b"!\xfe\1x\0",
    "empty applications": b"!\xff\0",
    "loops": b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
    "controls": b"!\xf9\4\0\0\0\0\0",
    "unknown blocks": b"!\0\0",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_without_end_cost_little(name: str) -> None:
    more = BLOCKS[name] * (MANY // len(BLOCKS[name]))
    assert end(screen() + more + frame() + b";").outcome in {"ok", *REFUSALS}


@pytest.mark.parametrize("length", [1, 255])
@pytest.mark.parametrize("before", [b"!\xfe", b"!\xff", frame(codes=b"\x02")])
def test_a_block_without_end_costs_little(before: bytes, length: int) -> None:
    piece = bytes((length,)) + bytes(length)
    more = before + piece * (MANY // len(piece)) + b"\0"
    assert end(screen() + more + frame() + b";").outcome in {"ok", *REFUSALS}


def test_a_screen_of_26_bytes_is_refused() -> None:
    for size in ((65_535, 65_535), (65_535, 2_000)):
        assert end(screen(*size) + b";").outcome in {"too_many_pixels", "corrupt_image"}
        assert end(screen(*size) + frame() + b";", case=size).outcome == "too_many_pixels"


def test_a_frame_larger_than_its_screen_is_refused() -> None:
    assert end(screen() + frame(60_000, 60_000) + b";").outcome == "too_many_pixels"


def test_frames_far_outside_of_the_screen_are_refused() -> None:
    data = screen() + frame() + frame(at=(65_000, 65_000)) + b";"
    assert end(data, ImageType.WEBP).outcome == "too_many_pixels"


CODES = {
    "none": b"\x02\0",
    "no clear code": b"\x02\x01\x00\x00",
    "a code that is not there yet": b"\x02\x02\xfc\xff\x00",
    "an end before the pixels": b"\x02\x01\x2c\x00",
    "a code size of zero": b"\0\x02\x4c\x01\x00",
    "a code size of 12": b"\x0c\x02\x4c\x01\x00",
    "a code size of 255": b"\xff\x02\x4c\x01\x00",
    "cut": b"\x02\xff\x4c",
    "the largest code throughout": b"\x08" + b"\xff" * 256 + b"\0",
}


@pytest.mark.parametrize("frames", [1, 2])
def test_bad_codes_are_corrupt_or_harmless(frames: int) -> None:
    coded = (
        (name, screen() + frame(64, 64, codes) * frames + b";") for name, codes in CODES.items()
    )
    assert_outcomes(coded, {"ok", "corrupt_image"})


def test_a_frame_without_pixels_is_no_harm() -> None:
    empty = (
        ((size, frames), screen() + frame(*size) * frames + frame() + b";")
        for size in ((0, 0), (0, 4), (4, 0))
        for frames in (1, 2)
    )
    assert_outcomes(empty, {"ok", "corrupt_image"})


def test_a_picture_without_any_palette_is_no_harm() -> None:
    bare = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0)
    assert end(bare + frame() + frame() + b";").outcome in {"ok", "corrupt_image"}


def test_every_disposal_on_a_large_screen_is_bounded() -> None:
    controls = (b"!\xf9\4" + bytes((disposal << 2 | 1,)) + bytes(4) for disposal in range(8))
    disposed = (
        (disposal, screen(9_000, 9_000) + (control + frame()) * 3 + b";")
        for disposal, control in enumerate(controls)
    )
    assert_outcomes(disposed, {"too_many_frames"})


def test_a_film_behind_a_film_is_not_played() -> None:
    data = moving("GIF", flat())
    assert end(data + moving("GIF", flat((640, 480)))).outcome == "ok"


def test_a_trailing_block_cut_short_is_no_harm() -> None:
    for cut in range(1, 12):
        assert end(BARE[:-cut]).outcome in {"ok", "corrupt_image"}
