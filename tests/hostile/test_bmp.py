"""Bitmaps made to cost: runs without end, rows without pixels, headers without sense."""

import struct

import pytest

from shared.imagetype import ImageType
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.workers.imaging.making import noise, opened, saved

MOST = 19_990_000  # bytes of runs, so that with its header a file is as large as one may be
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


def filled(name: str, packing: int, size: tuple[int, int], length: int) -> bytes:
    """A bitmap of one kind of run again and again."""
    data = RUNS[name] * (length // len(RUNS[name]))
    return bitmap(size, data, BITS[packing], packing, 1 << BITS[packing])


@pytest.mark.parametrize("packing", [RLE8, RLE4])
@pytest.mark.parametrize("size", [(1, 90_000_000), (9_000, 9_000)])
def test_runs_in_a_large_picture_are_refused(size: tuple[int, int], packing: int) -> None:
    # The size alone refuses it, so the kind of run makes no difference.
    assert end(filled("single pixels", packing, size, MOST)).outcome == "too_many_pixels"


@pytest.mark.parametrize("packing", [RLE8, RLE4])
def test_runs_without_end_cost_little(packing: int) -> None:
    bitmaps = ((name, filled(name, packing, (1_000, 1_000), MOST)) for name in RUNS)
    assert_outcomes(bitmaps, {"ok", *REFUSALS})


def test_runs_of_a_screen_cost_little() -> None:
    outcome = end(filled("single pixels", RLE8, (1_920, 1_080), 2_100_000) + END).outcome
    assert outcome in {"ok", *REFUSALS}


@pytest.mark.full
def test_other_runs_of_a_screen_cost_little() -> None:
    others = [name for name in RUNS if name != "single pixels"]
    bitmaps = ((name, filled(name, RLE8, (1_920, 1_080), 2_100_000) + END) for name in others)
    assert_outcomes(bitmaps, {"ok", *REFUSALS})


def test_a_screen_of_runs_is_read() -> None:
    row = b"\xff\7" * 5 + b"\x05\7" + END_OF_LINE
    data = bitmap((1_280, 1_024), row * 1_024 + END, packing=RLE8)
    assert opened(end(data, ImageType.PNG).output).size == (1_280, 1_024)


def test_a_header_of_a_huge_picture_is_refused() -> None:
    bitmaps = ((bits, bitmap((60_000, 60_000), bits=bits)) for bits in (1, 4, 8, 16, 24, 32))
    assert_outcomes(bitmaps, {"too_many_pixels"})


def test_a_header_without_its_pixels_is_corrupt() -> None:
    bitmaps = ((bits, bitmap((9_000, 9_000), bits=bits)) for bits in (1, 4, 8, 16, 24, 32))
    assert_outcomes(bitmaps, {"corrupt_image"})


def test_a_height_at_the_edge_of_its_32_bits_is_refused_or_harmless() -> None:
    heights = (-(2**31), -1, -(2**24), 2**31 - 1)
    bitmaps = ((height, bitmap((4, height), bytes(4))) for height in heights)
    assert_outcomes(bitmaps, {"ok", "too_many_pixels", "corrupt_image"})


def test_an_unknown_packing_is_refused_or_harmless() -> None:
    bitmaps = (
        ((packing, bits), bitmap((4, 4), bytes(400), bits, packing))
        for packing in (3, 4, 5, 6, 11, 2**32 - 1)
        for bits in (0, 2, 8, 16, 32, 64)
    )
    assert_outcomes(bitmaps, {"ok", "corrupt_image", "unsupported_image"})


def with_field(data: bytes, at: int, value: int) -> bytes:
    """The file with another 32-bit number at this place."""
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def test_a_palette_of_any_length_costs_little() -> None:
    plain = saved(noise().quantize(64), "BMP")
    lengths = (2**31, 2**32 - 1, 65_536, 0)
    assert_outcomes(((n, with_field(plain, 46, n)) for n in lengths), {"ok", "corrupt_image"})


def test_pixels_anywhere_are_no_harm() -> None:
    plain = saved(noise(), "BMP")
    places = (0, 2**31, 2**32 - 1)
    assert_outcomes(((at, with_field(plain, 10, at)) for at in places), {"ok", "corrupt_image"})


def test_bit_fields_in_a_narrow_picture_cost_little() -> None:
    pixels = struct.pack("<III", 0xF00, 0xF0, 0xF) + bytes(4 * 500_000)
    data = bitmap((2, 500_000), pixels, 16, 3, 0)
    assert end(data, ImageType.PNG, max_width=1).outcome == "ok"
