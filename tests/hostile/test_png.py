"""PNGs made to cost: a few bytes that inflate without end, and chunks without end."""

import struct
import zlib

import pytest

from shared.imagetype import OUTPUT_TYPES, ImageType
from tests.hostile import inflating
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.workers.imaging.making import chunk, noise, opened, png, saved
from tests.workers.imaging.planting import interlaced, soft

BARE = saved(noise(), "PNG")
BEFORE_PIXELS, BEHIND = 33, len(BARE) - 12
MANY = 20_000_000  # bytes, the most that an upload may have


TEXTS = {
    "zTXt": chunk(b"zTXt", b"Comment\0\0" + inflating.zeros(200)),
    "iTXt": chunk(b"iTXt", b"Comment\0\1\0\0\0" + inflating.zeros(200)),
    "iCCP": chunk(b"iCCP", b"profile\0\0" + inflating.zeros(200)),
}
MILLION = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(1_000_000), 9))


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_inflates_to_200_megabytes_costs_little(name: str) -> None:
    assert len(TEXTS[name]) < 250_000
    places = ((at, BARE[:at] + TEXTS[name] + BARE[at:]) for at in (BEFORE_PIXELS, BEHIND))
    assert_outcomes(places, {"ok"})


@pytest.mark.parametrize("at", [BEFORE_PIXELS, BEHIND], ids=["before", "behind"])
def test_profiles_that_inflate_one_after_the_other_cost_little(at: int) -> None:
    more = MILLION * (MANY // len(MILLION))
    assert end(BARE[:at] + more + BARE[at:]).outcome in {"ok", *REFUSALS}


CHUNKS = {
    "private": chunk(b"prVt", b""),
    "texts": chunk(b"tEXt", b"k\0v"),
    "texts of one megabyte": chunk(b"tEXt", b"k\0" + bytes(1_000_000)),
    "pixels": chunk(b"IDAT", b""),
    "frames": chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 1, 0, 0)),
    "EXIF": chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0"),
    "unknown": chunk(b"ABCD", b""),
}


@pytest.mark.parametrize("at", [BEFORE_PIXELS, BEHIND], ids=["before", "behind"])
@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_without_end_cost_little(name: str, at: int) -> None:
    more = CHUNKS[name] * (MANY // len(CHUNKS[name]))
    assert end(BARE[:at] + more + BARE[at:]).outcome in {"ok", *REFUSALS}


def test_as_many_chunks_as_encoders_write_are_read() -> None:
    pixels = zlib.compress(b"".join(b"\0" + noise(300, 1).tobytes() for _ in range(2_000)), 0)
    pieces = [(b"IDAT", pixels[at : at + 512]) for at in range(0, len(pixels), 512)]
    data = png((300, 2_000, 8, 2), b"", *pieces)
    last = chunk(b"IDAT", zlib.compress(b""))
    assert end(data.replace(last, b"")).outcome == "ok"


def test_a_header_of_a_huge_picture_is_refused() -> None:
    sizes = ((60_000, 60_000), (2**31 - 1, 1), (1, 2**31 - 1))
    assert_outcomes(((size, png((*size, 8, 2), b"\0")) for size in sizes), {"too_many_pixels"})


def test_a_picture_of_a_hundred_million_rows_is_refused() -> None:
    assert end(png((1, 99_999_999, 1, 0), b"\0\0")).outcome == "too_many_pixels"


def test_pixels_that_inflate_past_the_picture_cost_little() -> None:
    data = png((8, 8, 8, 0), b"")
    whole = chunk(b"IDAT", zlib.compress(b""))
    more = chunk(b"IDAT", inflating.zeros(200))
    assert end(data.replace(whole, more), ImageType.PNG).outcome in {"ok", "corrupt_image"}


def test_a_palette_of_another_length_costs_little() -> None:
    palettes = (
        (entries, png((4, 4, 8, 3), bytes(20), (b"PLTE", bytes(3 * entries))))
        for entries in (0, 1, 257, 1_000_000)
    )
    assert_outcomes(palettes, {"ok", "corrupt_image"})


@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_a_palette_that_is_not_there_is_corrupt(to: ImageType) -> None:
    depths = ((depth, png((4, 4, depth, 3), bytes(20))) for depth in (1, 2, 4, 8))
    assert_outcomes(depths, {"corrupt_image"}, to)


def test_pixels_past_the_end_of_the_palette_are_no_harm() -> None:
    data = png((4, 4, 8, 3), (b"\0" + b"\xff" * 4) * 4, (b"PLTE", bytes(3)))
    assert end(data, ImageType.PNG).outcome in {"ok", "corrupt_image"}


def test_transparency_longer_than_its_palette_is_no_harm() -> None:
    tables = (
        (entries, png((4, 4, 8, 3), bytes(20), (b"PLTE", bytes(3)), (b"tRNS", bytes(entries))))
        for entries in (2, 256, 257, 70_000)
    )
    assert_outcomes(tables, {"ok"})


def test_a_header_of_no_known_layout_is_refused() -> None:
    layouts = (
        ((depth, colour), png((4, 4, depth, colour), bytes(99)))
        for depth in (0, 3, 16, 255)
        for colour in (1, 3, 5, 7, 255)
    )
    assert_outcomes(layouts, {"corrupt_image"})


def test_a_header_of_no_known_method_is_refused_or_read() -> None:
    body = chunk(b"IDAT", zlib.compress(bytes(72))) + chunk(b"IEND", b"")
    methods = (
        (method, BARE[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, *method)) + body)
        for method in ((1, 0, 0), (0, 1, 0), (0, 0, 2), (0, 0, 255))
    )
    assert_outcomes(methods, {"ok", "corrupt_image"})


def test_an_interlaced_picture_too_small_for_all_passes_is_read() -> None:
    for size in ((1, 1), (1, 9), (9, 1), (4, 4), (5, 3), (97, 61)):
        data = interlaced(soft(128, 128).crop((0, 0, *size)))
        assert opened(end(data, ImageType.PNG, case=size).output).size == size


def test_an_interlaced_picture_without_its_last_pass_is_no_harm() -> None:
    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 1)
    first_passes = zlib.compress(bytes(9 * 8 + 9 * 8))
    data = BARE[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", first_passes)
    assert end(data + chunk(b"IEND", b"")).outcome in {"ok", "corrupt_image"}


def test_two_headers_are_corrupt() -> None:
    large = chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 9_000, 8, 2, 0, 0, 0))
    assert end(BARE[:33] + large + BARE[33:]).outcome == "corrupt_image"


def test_frames_past_the_end_of_the_picture_are_corrupt() -> None:
    control = struct.pack(">IIIIIHHBB", 0, 60_000, 60_000, 9, 9, 1, 1, 0, 0)
    animation = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", control)
    assert end(BARE[:33] + animation + BARE[33:]).outcome == "corrupt_image"


def test_frames_without_end_are_refused() -> None:
    animation = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    assert end(BARE[:33] + animation + BARE[33:]).outcome == "too_many_frames"
