"""Bitmaps made to cost: runs without end, rows without pixels, headers without sense."""

import struct

import pytest

from shared.imagetype import ImageType
from tests.hostile.clean import REFUSALS, end
from tests.workers.imaging.making import noise, opened, saved

MANY = 20_000_000  # bytes, the most that an upload may have
RLE8, RLE4 = 1, 2
END_OF_LINE, END = b"\0\0", b"\0\1"


def bitmap(
    size: tuple[int, int], data: bytes = b"", bits: int = 8, packing: int = 0, colours: int = 256
) -> bytes:
    """A BMP of a 40-byte header, its palette's first colours grey, then the data."""
    palette = b"".join(bytes((n, n, 255 - n, 0)) for n in range(256))[: 4 * colours]
    at = 14 + 40 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, packing, 0, 0, 0, colours, 0)
    return struct.pack("<2sIII", b"BM", at + len(data), 0, at) + head + palette + data


RUNS = {
    "single pixels": b"\1\7",
    "empty lines": END_OF_LINE,
    "moves by nothing": b"\0\2\0\0",
    "moves": b"\0\2\xff\xff",
    "literals of three": b"\0\3\1\2\3\0",
    "long runs": b"\xff\7",
}
BITS = {RLE8: 8, RLE4: 4}


@pytest.mark.parametrize("size", [(1, 90_000_000), (9_000, 9_000)])
@pytest.mark.parametrize("packing", [RLE8, RLE4])
@pytest.mark.parametrize("name", RUNS)
def test_runs_in_a_large_picture_are_refused(
    name: str, packing: int, size: tuple[int, int]
) -> None:
    data = RUNS[name] * (MANY // len(RUNS[name]) - 1000)
    outcome = end(bitmap(size, data, BITS[packing], packing, 1 << BITS[packing])).outcome
    assert outcome == "too_many_pixels"


@pytest.mark.parametrize("packing", [RLE8, RLE4])
@pytest.mark.parametrize("name", RUNS)
def test_runs_without_end_cost_little(name: str, packing: int) -> None:
    data = RUNS[name] * (MANY // len(RUNS[name]) - 1000)
    made = bitmap((1_000, 1_000), data, BITS[packing], packing, 1 << BITS[packing])
    assert end(made).outcome in {"ok", *REFUSALS}


@pytest.mark.parametrize("name", RUNS)
def test_runs_of_a_screen_cost_little(name: str) -> None:
    data = RUNS[name] * (2_100_000 // len(RUNS[name])) + END
    assert end(bitmap((1_920, 1_080), data, packing=RLE8)).outcome in {"ok", *REFUSALS}


def test_a_screen_of_runs_is_read() -> None:
    row = b"\xff\7" * 5 + b"\x05\7" + END_OF_LINE
    data = bitmap((1_280, 1_024), row * 1_024 + END, packing=RLE8)
    assert opened(end(data, ImageType.PNG).output).size == (1_280, 1_024)


@pytest.mark.parametrize("bits", [1, 4, 8, 16, 24, 32])
def test_a_header_of_a_huge_picture_is_refused(bits: int) -> None:
    assert end(bitmap((60_000, 60_000), bits=bits)).outcome == "too_many_pixels"


@pytest.mark.parametrize("bits", [1, 4, 8, 16, 24, 32])
def test_a_header_without_its_pixels_is_corrupt(bits: int) -> None:
    assert end(bitmap((9_000, 9_000), bits=bits)).outcome == "corrupt_image"


@pytest.mark.parametrize("height", [-(2**31), -1, -(2**24), 2**31 - 1])
def test_a_height_at_the_edge_of_its_32_bits_is_refused(height: int) -> None:
    outcome = end(bitmap((4, height), bytes(4))).outcome
    assert outcome in {"ok", "too_many_pixels", "corrupt_image"}


@pytest.mark.parametrize("packing", [3, 4, 5, 6, 11, 2**32 - 1])
@pytest.mark.parametrize("bits", [0, 2, 8, 16, 32, 64])
def test_an_unknown_packing_is_corrupt(packing: int, bits: int) -> None:
    whole = bitmap((4, 4), bytes(400), bits, packing)
    assert end(whole).outcome in {"ok", "corrupt_image"}


@pytest.mark.parametrize("colours", [2**31, 2**32 - 1, 65_536, 0])
def test_a_palette_of_any_length_costs_little(colours: int) -> None:
    data = bytearray(saved(noise().quantize(64), "BMP"))
    struct.pack_into("<I", data, 46, colours)
    assert end(bytes(data)).outcome in {"ok", "corrupt_image"}


@pytest.mark.parametrize("at", [0, 2**31, 2**32 - 1])
def test_pixels_anywhere_are_no_harm(at: int) -> None:
    data = bytearray(saved(noise(), "BMP"))
    struct.pack_into("<I", data, 10, at)
    assert end(bytes(data)).outcome in {"ok", "corrupt_image"}
