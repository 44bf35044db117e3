"""TIFFs made to cost: rings and floods of directories, strips and tags, and packings not needed."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.hostile import inflating, jpegs
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.support import tiffs
from tests.support.tiffs import DEFLATE, RGB, Page
from tests.workers.imaging.making import noise, opened, saved

MANY = 20_000_000  # bytes, the most that an upload may have
BYTE, SHORT, LONG, UNDEFINED = 1, 3, 4, 7
Entry = tuple[int, int, int, int]  # tag, type, count, value or offset

USUAL: dict[int, Entry] = {
    256: (256, LONG, 1, 64),
    257: (257, LONG, 1, 64),
    258: (258, SHORT, 1, 8),
    259: (259, SHORT, 1, 1),
    262: (262, SHORT, 1, 1),
    273: (273, LONG, 1, 8),
    277: (277, SHORT, 1, 1),
    278: (278, LONG, 1, 64),
    279: (279, LONG, 1, 64 * 64),
}


def tiff(*more: Entry, body: bytes = bytes(64 * 64), follows: int = 0) -> bytes:
    """A grey picture of 64 x 64 whose body comes first, then its directory."""
    entries = USUAL | {entry[0]: entry for entry in more}
    table = b"".join(struct.pack("<HHII", *entries[tag]) for tag in sorted(entries))
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    return head + body + struct.pack("<H", len(entries)) + table + struct.pack("<I", follows)


def test_the_usual_picture_is_read() -> None:
    assert end(tiff()).outcome == "ok"


def test_a_ring_of_directories_ends() -> None:
    body = bytes(64 * 64)
    assert end(tiff(body=body, follows=8 + len(body))).outcome == "ok"


def test_a_ring_of_directories_through_many_ends() -> None:
    body = bytes(64 * 64)
    first = tiff(body=body, follows=8 + len(body) + 2 + 12 * len(USUAL) + 4)
    start, more = len(first), b""
    for n in range(900):
        follows = start + 6 * (n + 1) if n < 899 else 8 + len(body)
        more += struct.pack("<HI", 0, follows)
    assert end(first + more).outcome == "ok"


def test_directories_without_end_are_refused() -> None:
    start = len(tiff())
    more = np.zeros(3_000_000, [("count", "<u2"), ("follows", "<u4")])
    more["follows"] = start + 6 * np.arange(1, len(more) + 1)
    assert end(tiff(follows=start) + more.tobytes()).outcome == "too_many_frames"


def test_a_directory_within_itself_ends() -> None:
    body = bytes(64 * 64)
    here = 8 + len(body)
    looping = (
        ((pointer, at), tiff((pointer, LONG, 1, at), body=body))
        for pointer in (34665, 34853, 40965, 330)
        for at in (here, here + 5)
    )
    assert_outcomes(looping, {"ok", "corrupt_image"})


NOT_NEEDED = {
    "JPEG of old": 6,
    "JBIG": 34661,
    "raw of 16 bits": 32771,
    "ThunderScan": 32809,
    "SGI": 34676,
    "SGI 24": 34677,
    "JPEG 2000": 34712,
    "LERC": 34887,
    "LZMA": 34925,
    "Zstandard": 50000,
    "WebP": 50001,
    "JPEG XL": 50002,
    "nothing": 0,
    "any": 65535,
}


def test_a_packing_that_is_not_needed_is_unsupported() -> None:
    stated = [(name, tiff((259, SHORT, 1, value))) for name, value in NOT_NEEDED.items()]
    whole = [(name, saved(noise(), "TIFF", compression=name)) for name in ("lzma", "zstd")]
    assert_outcomes(stated + whole, {"unsupported_image"})


def test_a_packing_of_any_type_is_seen() -> None:
    lzma = NOT_NEEDED["LZMA"]
    typed = (
        (kind, tiff((259, kind, 1, lzma & 0xFF if kind == BYTE else lzma)))
        for kind in (BYTE, LONG, 6, 8, 9, 16, 2, UNDEFINED, 5, 11, 12, 13)
    )
    assert_outcomes(typed, {"unsupported_image", "corrupt_image"})


def test_a_second_packing_behind_the_first_is_seen() -> None:
    data = bytearray(tiff((258, SHORT, 1, 8)))
    at = data.index(struct.pack("<HHI", 258, SHORT, 1))
    struct.pack_into("<HHII", data, at, 259, SHORT, 1, 1)
    struct.pack_into("<HHII", data, at + 12, 259, SHORT, 1, 34925)
    assert end(bytes(data)).outcome == "unsupported_image"


def test_the_packings_of_scanners_and_editors_are_read() -> None:
    fax = ("group3", "group4", "tiff_ccitt")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", *fax):
        image = noise().convert("1") if compression in fax else noise()
        data = saved(image, "TIFF", compression=compression)
        output = end(data, ImageType.PNG, case=compression).output
        assert opened(output).size == (96, 64), compression


@pytest.mark.parametrize("kind", [SHORT, LONG])
@pytest.mark.parametrize("packing", [1, 8])
def test_strips_without_end_cost_little(kind: int, packing: int) -> None:
    count = (MANY - 10_000) // (2 if kind == SHORT else 4)
    strips = (
        (273, kind, count, 8),
        (279, kind, count, 8),
        (278, LONG, 1, 1),
        (259, SHORT, 1, packing),
    )
    assert end(tiff(*strips, body=b"\x08" + bytes(MANY - 10_000))).outcome in REFUSALS


@pytest.mark.parametrize("packing", [1, 8])
def test_as_many_strips_as_rows_are_read(packing: int) -> None:
    rows, row = 10_000, zlib.compress(bytes(64)) if packing == 8 else bytes(64)
    offsets = struct.pack("<I", 8 + 8 * rows) * rows
    sizes = struct.pack("<I", len(row)) * rows
    strips = (273, LONG, rows, 8), (279, LONG, rows, 8 + 4 * rows)
    more = (257, LONG, 1, rows), (278, LONG, 1, 1), (259, SHORT, 1, packing)
    data = tiff(*strips, *more, body=offsets + sizes + row)
    assert end(data, max_width=8).outcome == "ok"


def test_tags_without_end_cost_little() -> None:
    for first, kind in ((1000, BYTE), (1000, SHORT)):
        more = [(first + n, kind, 1_000_000, 8) for n in range(20_000)]
        assert end(tiff(*more, body=bytes(4_000_000))).outcome in {"ok", *REFUSALS}


def test_tags_of_a_bigtiff_without_end_cost_little() -> None:
    count = 999_000
    entry = struct.pack("<HHQQ", 65_000, SHORT, 1, 1)
    sizes = b"".join(struct.pack("<HHQQ", tag, LONG, 1, 64) for tag in (256, 257))
    table = struct.pack("<Q", count + 2) + sizes + entry * count
    assert end(b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + table + bytes(8)).outcome in REFUSALS


def test_a_layout_without_sense_is_corrupt_or_harmless() -> None:
    values, packings = (0, 7, 255, 65_535), (1, 5, 7, 8)
    layouts = (  # each tag meets each value and each packing, and each value each packing
        ((tag, value, packing), tiff((tag, SHORT, 1, value), (259, SHORT, 1, packing)))
        for row, tag in enumerate((277, 258, 338, 339, 262, 284, 266, 317, 530))
        for column, value in enumerate(values)
        for packing in [packings[(row + column) % len(packings)]]
    )
    assert_outcomes(layouts, {"ok", "corrupt_image", "unsupported_image"})


@pytest.mark.parametrize("tag", [256, 257, 278, 322])
def test_a_side_that_lies_is_refused_or_harmless(tag: int) -> None:
    length = [(323, LONG, 1, 64)] * (tag == 322)
    sides = (0, 65_535, 300_000, 2**31 - 1, 2**32 - 1)
    lying = ((side, tiff((tag, LONG, 1, side), *length)) for side in sides)
    assert_outcomes(lying, {"ok", "too_many_pixels", "corrupt_image"}, ImageType.PNG)


def test_a_tile_far_larger_than_its_picture_is_refused() -> None:
    tiles = (322, LONG, 1, 40_000), (323, LONG, 1, 40_000), (324, LONG, 1, 8), (325, LONG, 1, 99)
    assert end(tiff(*tiles, (259, SHORT, 1, 8))).outcome == "too_many_pixels"


@pytest.mark.parametrize(("scans", "outcome"), [(20, "ok"), (90, "corrupt_image")])
def test_scans_without_end_in_a_strip_are_refused(scans: int, outcome: str) -> None:
    body = jpegs.progressive(2048, scans)
    sides = (256, LONG, 1, 2048), (257, LONG, 1, 2048), (278, LONG, 1, 2048)
    strip = (279, LONG, 1, len(body)), (259, SHORT, 1, 7)
    assert end(tiff(*sides, *strip, body=body), max_width=64).outcome == outcome


def test_a_fax_of_a_million_rows_is_refused() -> None:
    body = noise(100, 100).tobytes()
    rows = (257, LONG, 1, 1_000_000), (278, LONG, 1, 1_000_000), (279, LONG, 1, len(body))
    layout = (258, SHORT, 1, 1), (262, SHORT, 1, 1)
    faxes = ((n, tiff(*rows, *layout, (259, SHORT, 1, n), body=body)) for n in (2, 3, 4))
    assert_outcomes(faxes, {"corrupt_image"}, ImageType.PNG)


def test_a_picture_that_inflates_past_its_strip_costs_little() -> None:
    body = inflating.zeros(200)
    data = tiff((279, LONG, 1, len(body)), (259, SHORT, 1, 8), body=body)
    assert end(data).outcome in {"ok", "corrupt_image"}


def test_a_thumbnail_or_mask_in_a_second_directory_is_not_the_picture() -> None:
    first, second = Image.new("L", (64, 64)), Image.new("L", (8_000, 8_000))
    data = saved(
        first, "TIFF", save_all=True, append_images=[second], compression="tiff_adobe_deflate"
    )
    assert opened(end(data, ImageType.PNG).output).size == (64, 64)


@pytest.mark.parametrize("tag", [273, 279, 258, 330, 320, 34675])
def test_tags_that_point_out_of_the_file_cost_nothing(tag: int) -> None:
    pointing = (
        ((count, at), tiff((tag, LONG, count, at)))
        for count in (0, 2, 9, 4_000, 2**32 - 1)
        for at in (0, 9, 2**31 - 1, 2**32 - 1)
    )
    assert_outcomes(pointing, {"ok", *REFUSALS})


@pytest.mark.parametrize(("columns", "outcome"), [(1_000, "ok"), (60_000, "corrupt_image")])
def test_tiles_without_end_beside_each_other_cost_little(columns: int, outcome: str) -> None:
    pixels = np.zeros((16, 16 * columns, 3), "f4")
    page = Page(pixels, RGB, tile=(16, 16), predictor=3, compression=DEFLATE)
    assert end(tiffs.tiff(page), max_width=64).outcome == outcome


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_layouts_that_are_assembled_end_well_when_they_are_cut(kind: str) -> None:
    whole = Page(np.ones((40, 40, 5), kind), RGB, (2, 0), compression=DEFLATE, predictor=2)
    data = tiffs.tiff(whole, order=">")
    cuts = ((at, data[:at]) for at in range(0, len(data) - 8, len(data) // 40))
    assert_outcomes(cuts, {"corrupt_image", "unsupported_image"})


@pytest.mark.parametrize("tag", [258, 262, 273, 330])
def test_an_offset_of_64_bits_that_is_far_too_large_is_refused(tag: int) -> None:
    page = Page(np.zeros((9, 9, 3), "u1"), more={330: (tiffs.LONG8, [2**64 - 1] * 2)})
    data = bytearray(tiffs.tiff(page, big=True))
    at = data.index(struct.pack("<H", tag), struct.unpack_from("<Q", data, 8)[0])
    struct.pack_into("<QQ", data, at + 4, 9, 2**64 - 1)
    assert end(bytes(data)).outcome in {"ok", *REFUSALS}
