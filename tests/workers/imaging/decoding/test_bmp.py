"""Bitmaps of every kind that the public suites have: good, questionable, and damaged."""

import struct
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import CorruptImageError, UnsupportedImageError
from tests.conformance.inputs import iccp
from tests.workers.imaging.making import DISPLAY_P3, matrix_profile, pixel, pixels, png, result, run
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import probe

WIDTH, HEIGHT = 13, 5  # an odd row, which every depth has to fill up
LEVELS: NDArray[np.int64] = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 4))
INDEXES: NDArray[np.int64] = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH))
COLOURS = np.random.default_rng(5).integers(0, 256, (256, 3))
BROKEN_OFF = [b"\4\7\0\0\4\7\0\0\3\7", b"\4\7\0\0", b"\0\4\1\2", b"\0\2\1", b""]
RLE8, RLE4, MASKS, ALPHA_MASKS = 1, 2, 3, 6


def bmp(
    rows: bytes,
    bits: int,
    packing: int = 0,
    *,
    length: int = 40,
    masks: tuple[int, ...] = (),
    colours: int = 0,
    used: int | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    gap: int = 0,
    tail: bytes = b"",
) -> bytes:
    """A bitmap. length: of its header. colours: in the file; used: what the header says of them."""
    if length == 12:
        head = struct.pack("<IHHHH", length, *size, 1, bits)
    else:
        said = colours if used is None else used
        fields = (length, *size, 1, bits, packing, 0, 2835, 2835, said, 0)
        head = struct.pack("<IiiHHIIiiII", *fields)[:length]
    words = struct.pack(f"<{len(masks)}I", *masks)
    head = (head + words)[:length].ljust(length, b"\0") if length >= 52 else head + words
    if length > 56:
        head = head[:56] + b"BGRs" + head[60:]
    for red, green, blue in COLOURS[:colours].tolist():
        head += bytes((blue, green, red, 0))[: 3 if length == 12 else 4]
    at = 14 + len(head) + gap
    return struct.pack("<2sIII", b"BM", at + len(rows), 0, at) + head + bytes(gap) + rows + tail


def packed(values: NDArray[np.int64], bits: int, *, downwards: bool = False) -> bytes:
    """Rows of numbers, each filled up to 4 bytes, from the lowest row on."""
    out = b""
    for row in values if downwards else values[::-1]:
        if bits < 8:
            digits = "".join(format(value, f"0{bits}b") for value in row.tolist())
            line = int(digits + "0" * (-len(digits) % 8), 2).to_bytes(-(-len(digits) // 8), "big")
        else:
            line = b"".join(value.to_bytes(bits // 8, "little") for value in row.tolist())
        out += line + bytes(-len(line) % 4)
    return out


def coded(masks: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of pixels by masks, and the colours, red to alpha, that these mean."""
    words = np.zeros((HEIGHT, WIDTH), np.int64)
    meant = np.zeros((HEIGHT, WIDTH, 4), np.int64)
    meant[..., 3] = 255
    for channel, mask in enumerate(masks):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            top = mask >> shift
            values = np.round(LEVELS[..., channel] / 255 * top).astype(np.int64)
            words |= values << shift
            meant[..., channel] = np.round(values * 255 / top)
    return words, meant


def seen(data: bytes) -> NDArray[np.int64]:
    return pixels(decode(data, probe(data)).image.convert("RGBA"))


@pytest.mark.parametrize("length", [12, 16, 40, 52, 56, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_of_every_depth_are_read_by_every_header(bits: int, length: int) -> None:
    values = INDEXES % (1 << bits)
    data = bmp(packed(values, bits), bits, length=length, colours=1 << bits)
    assert (seen(data)[..., :3] == COLOURS[values]).all()


@pytest.mark.parametrize("used", [0, 300, 2**31])
def test_a_header_that_counts_no_colours_or_too_many_means_all(used: int) -> None:
    data = bmp(packed(INDEXES, 8), 8, colours=256, used=used)
    assert (seen(data)[..., :3] == COLOURS[INDEXES]).all()


@pytest.mark.parametrize("length", [12, 40])
def test_colours_that_are_missing_are_black(length: int) -> None:
    data = bmp(packed(INDEXES, 8), 8, colours=100, used=256, length=length)
    expected = np.where(INDEXES[..., None] < 100, COLOURS[INDEXES], 0)
    assert (seen(data)[..., :3] == expected).all()


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_rows_may_run_down_and_stand_apart_from_their_header(bits: int) -> None:
    masks = (0x7C00, 0x3E0, 0x1F) if bits == 16 else (0xFF0000, 0xFF00, 0xFF)
    words, meant = coded(masks)
    up = bmp(packed(words, bits), bits, gap=100)
    down = bmp(packed(words, bits, downwards=True), bits, size=(WIDTH, -HEIGHT))
    assert (seen(up) == meant).all()
    assert (seen(down) == meant).all()


def fields(counts: tuple[int, ...], order: tuple[int, ...], unused: int = 0) -> tuple[int, ...]:
    """Masks of so many bits for red to alpha, laid out in an order from the lowest bit on."""
    masks, at = [0] * len(counts), unused
    for channel in order:
        masks[channel] = (1 << counts[channel]) - 1 << at
        at += counts[channel]
    return tuple(masks)


LAYOUTS = [
    (bits, fields(counts, order, unused))
    for bits, counts, unused in [
        (16, (5, 6, 5), 0),
        (16, (5, 5, 5), 1),
        (16, (4, 4, 4), 0),
        (16, (3, 3, 2), 4),
        (16, (1, 1, 1), 7),
        (16, (1, 9, 2, 4), 0),
        (16, (4, 4, 4, 4), 0),
        (16, (5, 5, 5, 1), 0),
        (32, (8, 8, 8), 0),
        (32, (8, 8, 8), 5),
        (32, (10, 10, 10), 2),
        (32, (11, 11, 10), 0),
        (32, (7, 1, 8, 7), 3),
        (32, (8, 8, 8, 8), 0),
        (32, (10, 10, 10, 2), 0),
        (32, (6, 1, 7, 5), 6),
    ]
    for order in (*permutations(range(len(counts))),)[::5]
]


@pytest.mark.parametrize(("bits", "masks"), LAYOUTS)
def test_bit_fields_may_be_any(bits: int, masks: tuple[int, ...]) -> None:
    words, meant = coded(masks)
    rows = packed(words, bits)
    most = any(mask.bit_count() > 9 for mask in masks)  # of 255: their lowest bits may not count
    kinds = [(124, MASKS), (40, ALPHA_MASKS) if masks[3:] else (52, MASKS)]
    for length, packing in kinds:
        data = bmp(rows, bits, packing, length=length, masks=masks)
        assert np.abs(seen(data) - meant).max() <= most, length


@pytest.mark.parametrize("length", [40, 52, 56, 108, 124])
def test_bit_fields_may_be_in_every_header_that_has_them_or_behind_it(length: int) -> None:
    masks = (0xF00, 0xF0, 0xF)
    words, meant = coded(masks)
    data = bmp(packed(words, 16), 16, MASKS, length=length, masks=masks)
    assert (seen(data) == meant).all()


def test_alpha_of_a_mask_counts_even_where_all_of_it_is_0() -> None:
    masks = (0x7C00, 0x3E0, 0x1F, 0x8000)
    words, meant = coded(masks[:3])
    data = bmp(packed(words, 16), 16, MASKS, length=124, masks=masks)
    assert (pixels(result(data))[..., 3] == 0).all()
    assert (meant[..., 3] == 255).all()


def test_a_fourth_byte_without_a_mask_is_no_alpha() -> None:
    words, meant = coded((0xFF0000, 0xFF00, 0xFF))
    assert (seen(bmp(packed(words | 0x55000000, 32), 32)) == meant).all()


def test_alpha_without_masks_of_colours_counts_unless_all_of_it_is_0() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    for used in (masks, masks[:3]):
        words, meant = coded(used)
        assert (seen(bmp(packed(words, 32), 32, length=124, masks=masks)) == meant).all()
    words, meant = coded((0x7C00, 0x3E0, 0x1F))
    masks = (0x7C00, 0x3E0, 0x1F, 0x8000)
    assert (seen(bmp(packed(words, 16), 16, length=108, masks=masks)) == meant).all()


@pytest.mark.parametrize("masks", [(0xF0F0, 0xF00, 0xF), (0x5000, 0xF0, 0xF)])
def test_a_mask_with_a_gap_is_damage(masks: tuple[int, ...]) -> None:
    with pytest.raises(CorruptImageError):
        run(bmp(bytes(HEIGHT * 28), 16, MASKS, masks=masks))


def test_the_last_row_need_not_be_filled_up() -> None:
    words, meant = coded((0xFF0000, 0xFF00, 0xFF))
    data = bmp(packed(words, 24), 24)
    assert (seen(data[:-1]) == meant).all()  # 39 bytes and 1
    with pytest.raises(CorruptImageError):
        run(data[:-2])


def test_an_embedded_profile_is_applied() -> None:
    profile = matrix_profile(DISPLAY_P3, 2.2)
    data = bytearray(bmp(bytes((60, 90, 200, 0)), 24, size=(1, 1), length=124, tail=profile))
    data[14 + 56 : 14 + 60] = b"DEBM"
    struct.pack_into("<II", data, 14 + 112, len(data) - len(profile) - 14, len(profile))
    as_png = png((1, 1, 8, 2), bytes((0, 200, 90, 60)), iccp(profile))
    assert pixel(result(bytes(data))) == pixel(result(as_png)) != (200, 90, 60)


def rle(values: NDArray[np.int64], bits: int, *, even: bool = False) -> bytes:
    """Rows of literals and runs in turn, each row ended; even: with one pixel more than it has."""
    out = b""
    for row in values[::-1].tolist():
        line = [*row, 0] if even else row
        count = len(line) - 4
        if bits == 4:
            digits = "".join(f"{value:x}" for value in line[:count])
            literal = bytes.fromhex(digits + "0" * (len(digits) % 2))
        else:
            literal = bytes(line[:count])
        out += bytes((0, count)) + literal + bytes(len(literal) % 2)
        for value in line[count:]:
            out += bytes((1, value << 4 if bits == 4 else value))
        out += b"\0\0"
    return out[:-2] + b"\0\1"


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize(("bits", "packing"), [(8, RLE8), (4, RLE4)])
def test_runs_are_cut_at_the_end_of_their_row(bits: int, packing: int, even: bool) -> None:
    values = INDEXES % (1 << bits)
    data = bmp(rle(values, bits, even=even), bits, packing, colours=1 << bits)
    assert (seen(data)[..., :3] == COLOURS[values]).all()
    assert result(data).mode == "RGB"


def test_a_run_of_4_bits_alternates() -> None:
    data = bmp(b"\x05\x12\0\1", 4, RLE4, colours=16, size=(5, 1))
    assert (seen(data)[0, :, :3] == COLOURS[[1, 2, 1, 2, 1]]).all()


# Runs of 4 x 3 pixels, and where they draw, from the top.
SKIPPING = {
    "lines that end early": (b"\1\7\0\0\2\7\0\0\3\7\0\1", ["###.", "##..", "#..."]),
    "a move": (b"\1\7\0\2\2\1\1\7\0\1", ["....", "...#", "#..."]),
    "a move down alone": (b"\2\7\0\2\0\2\1\7\0\1", ["..#.", "....", "##.."]),
    "an early end": (b"\4\7\0\0\1\7\0\1", ["....", "#...", "####"]),
    "an end at once": (b"\0\1", ["....", "....", "...."]),
    "a move past the end": (b"\4\7\0\2\0\x09\1\7", ["....", "....", "####"]),
    "no end behind the last pixel": (b"\4\7\0\0\4\7\0\0\4\7", ["####", "####", "####"]),
    "a run past the end of its row": (b"\x09\7\0\0\4\7\0\0\4\7\0\1", ["####", "####", "####"]),
}


@pytest.mark.parametrize("name", SKIPPING)
def test_pixels_that_runs_pass_over_are_transparent(name: str) -> None:
    runs, drawn = SKIPPING[name]
    for data in (
        bmp(runs, 8, RLE8, colours=256, size=(4, 3)),
        bmp(runs.replace(b"\7", b"\x77"), 4, RLE4, colours=16, size=(4, 3)),
    ):
        alpha = seen(data)[..., 3]
        assert ["".join(".#"[a == 255] for a in row) for row in alpha.tolist()] == drawn
        assert (seen(data)[alpha == 255][:, :3] == COLOURS[7]).all()


@pytest.mark.parametrize("runs", BROKEN_OFF)
def test_runs_that_break_off_are_damage(runs: bytes) -> None:
    with pytest.raises(CorruptImageError):
        run(bmp(runs, 8, RLE8, colours=256, size=(4, 3)))


@pytest.mark.parametrize(
    ("bits", "packing"), [(0, 4), (0, 5), (1, 3), (24, 4), (64, 0), (16, 1), (32, 11)]
)
def test_a_packing_that_is_not_read_is_named(bits: int, packing: int) -> None:
    with pytest.raises(UnsupportedImageError, match=f"{bits} bits, compression {packing}"):
        run(bmp(bytes(400), bits, packing))
