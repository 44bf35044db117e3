"""PNG in every colour type, depth and order of rows, and its transparency."""

import numpy as np
import pytest

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from tests.conformance.comparing import ALL, QUALITY, TOLERANCE, WITH_ALPHA, difference
from tests.conformance.inputs import Samples, chart, palette, patches, png_of
from tests.conformance.reference import Values
from tests.support.pairwise import pairwise
from tests.workers.imaging.making import result, run

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
LAYOUTS = [
    *((GREY, depth) for depth in (1, 2, 4, 8, 16)),
    *((PALETTE, depth) for depth in (1, 2, 4, 8)),
    *((kind, depth) for kind in (RGB, GREY_ALPHA, RGBA) for depth in (8, 16)),
]
ROUNDING = 1  # of 255: Pillow keeps the upper 8 of 16 bits, the definition rounds


def values(colour_type: int, depth: int) -> Samples:
    """16 patches of samples from all over the range; alpha never so low that colour is lost."""
    top = (1 << depth) - 1
    drawn = np.random.default_rng(depth).integers(0, top + 1, (16, CHANNELS[colour_type]))
    drawn[0], drawn[1] = 0, top
    if colour_type in (GREY_ALPHA, RGBA):
        drawn[:, -1] = top - drawn[:, -1] // 2
    return drawn


def entries(depth: int) -> Samples:
    return np.random.default_rng(9).integers(0, 256, (1 << depth, 3))


def wanted(samples: Samples, colour_type: int, depth: int) -> Values:
    """RGBA from 0 to 255, PNG, third edition, 13.12 and 6.1."""
    if colour_type == PALETTE:
        colours = entries(depth)[samples[:, 0]]
        return np.concatenate([colours, np.full((16, 1), 255)], axis=1)
    eight = samples * 255 / ((1 << depth) - 1)
    alpha = eight[:, -1:] if colour_type in (GREY_ALPHA, RGBA) else np.full((16, 1), 255)
    colour = eight[:, :3] if colour_type in (RGB, RGBA) else eight[:, :1].repeat(3, axis=1)
    return np.concatenate([colour, alpha], axis=1)


@pytest.mark.parametrize(("layout", "interlaced", "to"), pairwise(LAYOUTS, [False, True], ALL))
def test_a_png_of_each_layout_keeps_its_colours(
    layout: tuple[int, int], interlaced: bool, to: ImageType
) -> None:
    colour_type, depth = layout
    samples = values(colour_type, depth)
    extra = [palette(entries(depth))] if colour_type == PALETTE else []
    drawn = chart(samples, 4)
    data = png_of(drawn, depth, colour_type, *extra, interlaced=interlaced)
    rgba: Values = wanted(samples, colour_type, depth)
    if to is ImageType.JPG:  # JPG has no alpha: it is drawn on white
        rgba = rgba[:, :3] * rgba[:, 3:] / 255 + 255 - rgba[:, 3:]
    seen = patches(result(data, to, quality=QUALITY), "RGB" if to is ImageType.JPG else "RGBA", 4)
    assert difference(seen, rgba) <= TOLERANCE[to] + ROUNDING


@pytest.mark.parametrize(("colour_type", "depth"), LAYOUTS)
def test_a_small_interlaced_png_is_the_same_as_one_row_by_row(colour_type: int, depth: int) -> None:
    for size in ((1, 1), (2, 1), (1, 3), (5, 5), (7, 3), (9, 17)):
        drawn = np.random.default_rng(1).integers(0, 1 << depth, (*size, CHANNELS[colour_type]))
        extra = [palette(entries(depth))] if colour_type == PALETTE else []
        rows, adam7 = (
            result(png_of(drawn, depth, colour_type, *extra, interlaced=interlaced)).convert("RGBA")
            for interlaced in (False, True)
        )
        assert rows.size == size[::-1]
        assert rows.tobytes() == adam7.tobytes(), size


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_keeps_the_partial_alpha_of_its_entries(depth: int) -> None:
    samples = values(PALETTE, depth)
    alphas = np.arange(1 << depth) * 200 // (1 << depth) + 50
    trns = (b"tRNS", bytes(alphas.tolist()))
    data = png_of(chart(samples, 4), depth, PALETTE, palette(entries(depth)), trns)
    for to in WITH_ALPHA:
        seen = patches(result(data, to, quality=QUALITY), "RGBA", 4)[:, 3]
        assert difference(seen, alphas[samples[:, 0]].astype(float)) <= TOLERANCE[to], to


def test_entries_without_an_alpha_of_their_own_are_opaque() -> None:
    trns = (b"tRNS", bytes((0, 128)))
    data = png_of(np.array([[[0], [1], [2], [3]]]), 2, PALETTE, palette(entries(2)), trns)
    alpha = np.asarray(result(data).convert("RGBA"))[0, :, 3]
    assert alpha.tolist() == [0, 128, 255, 255]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_grey_is_transparent_and_its_neighbours_are_not(depth: int) -> None:
    top = (1 << depth) - 1
    key = top * 3 // 5
    greys = [key, max(0, key - 1), min(top, key + 1), 0, top]
    trns = (b"tRNS", key.to_bytes(2, "big"))
    drawn = np.array([[[grey] for grey in greys]] * 3)
    for interlaced in (False, True):
        image = result(png_of(drawn, depth, GREY, trns, interlaced=interlaced)).convert("RGBA")
        for row in np.asarray(image)[..., 3].tolist():
            assert row == [0 if grey == key else 255 for grey in greys], interlaced


@pytest.mark.parametrize("depth", [8, 16])
def test_one_colour_is_transparent_and_its_neighbours_are_not(depth: int) -> None:
    key = np.array([0x1234, 0x8001, 0xFF00]) >> (16 - depth)
    near = [
        key + np.eye(3, dtype=int)[channel] * (-1 if channel == 2 else 1) for channel in (0, 1, 2)
    ]
    trns = (b"tRNS", key.astype(">u2").tobytes())
    drawn = np.array([[key, *near, key]] * 2)
    for interlaced in (False, True):
        image = result(png_of(drawn, depth, RGB, trns, interlaced=interlaced)).convert("RGBA")
        assert np.asarray(image)[0, :, 3].tolist() == [0, 255, 255, 255, 0], interlaced


def test_a_transparent_colour_of_16_bits_leaves_the_others_as_they_are() -> None:
    drawn = np.array([[[0, 0, 0], [65535, 32896, 257]]])
    image = result(png_of(drawn, 16, RGB, (b"tRNS", bytes(6)))).convert("RGBA")
    assert np.asarray(image)[0, 1].tolist() == [255, 128, 1, 255]


def test_dark_grey_of_16_bits_is_not_stretched() -> None:
    data = png_of(np.array([[[257], [514]]]), 16, GREY)
    assert list(result(data).convert("L").tobytes()) == [1, 2]


def test_a_background_chunk_is_not_painted() -> None:
    drawn = np.full((2, 2, 4), (255, 0, 0, 0))
    data = png_of(drawn, 8, RGBA, (b"bKGD", b"\0\xff\0\xff\0\xff"))
    alpha = np.asarray(result(data).convert("RGBA"))[..., 3]
    assert alpha.max() == 0


def test_a_second_header_makes_a_png_corrupt() -> None:
    # Pillow believes the second; its one transparent grey is not the three numbers of the first.
    second = (b"IHDR", (1).to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0)))
    data = png_of(np.zeros((1, 1, 3), dtype=int), 16, RGB, second, (b"tRNS", b"\0\0"))
    with pytest.raises(CorruptImageError):
        run(data)
