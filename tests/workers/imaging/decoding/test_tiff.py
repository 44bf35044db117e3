"""The picture of a TIFF is the same in whatever layout it is stored."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from shared.errors import CorruptImageError
from tests.conformance.reference import lab_seen
from tests.support.tiffs import (
    ALPHA,
    ALPHA_ASSOCIATED,
    ALPHA_UNKNOWN,
    CMYK,
    DEFLATE,
    GREY,
    GREY_INVERTED,
    LAB,
    LZW,
    NONE,
    PACKBITS,
    PALETTE,
    RATIONAL,
    RGB,
    SHORT,
    YCBCR,
    Order,
    Page,
    tiff,
)
from tests.workers.imaging.making import ADOBE_RGB, matrix_profile, pixels, result
from workers.imaging.colour.convert import to_plain, to_srgb
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import probe

HIGH, WIDE = 37, 52
Y, X = np.mgrid[0:HIGH, 0:WIDE]
COLOURS = np.stack([X * 255 / (WIDE - 1), Y * 255 / (HIGH - 1), 255 - X * 2.0], -1)
GREYS = COLOURS[..., :1]
SOFT = 255 - X[..., None] * 3.0

LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rows": 7},
    "planes": {"planar": True},
    "planes of strips": {"planar": True, "rows": 7},
    "tiles": {"tile": (16, 16)},
    "planes of tiles": {"planar": True, "tile": (32, 16)},
    "tiles called strips": {"tile": (16, 16), "tiles_as_strips": True},
}
PACKINGS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "LZW": {"compression": LZW},
    "LZW of differences": {"compression": LZW, "predictor": 2},
    "Deflate of differences": {"compression": DEFLATE, "predictor": 2},
}
KINDS: dict[str, tuple[int, NDArray[Any], tuple[int, ...]]] = {
    "grey": (GREY, GREYS, ()),
    "white is zero": (GREY_INVERTED, 255 - GREYS, ()),
    "grey and alpha": (GREY, np.concatenate([GREYS, SOFT], -1), (ALPHA,)),
    "RGB": (RGB, COLOURS, ()),
    "RGB and alpha": (RGB, np.concatenate([COLOURS, SOFT], -1), (ALPHA,)),
    "RGB times alpha": (
        RGB,
        np.concatenate([COLOURS * SOFT / 255, SOFT], -1),
        (ALPHA_ASSOCIATED,),
    ),
    "RGB and an unknown": (RGB, np.concatenate([COLOURS, SOFT], -1), (ALPHA_UNKNOWN,)),
}
DEPTHS = {"u1": 1, "u2": 257, "u4": 16843009, "f2": 1 / 255, "f4": 1 / 255, "f8": 1 / 255}


def stored(values: NDArray[Any], kind: str) -> NDArray[Any]:
    """0 to 255 as samples of that type."""
    scaled = values * DEPTHS[kind]
    return (scaled if kind[0] == "f" else np.round(scaled)).astype(kind)


def shown(data: bytes) -> Image.Image:
    """What is decoded, in sRGB: encoding is not what is tested here."""
    return to_srgb(to_plain(decode(data, probe(data)).image))


def assert_shows(
    data: bytes, colours: NDArray[Any], alpha: NDArray[Any] | None = None, within: float = 1.01
) -> None:
    seen = pixels(shown(data).convert("RGBA"))
    if alpha is None:
        alpha = np.full((HIGH, WIDE, 1), 255.0)
    assert np.abs(seen[..., 3:] - alpha).max() <= 1.01
    assert (np.abs(seen[..., :3] - colours) * alpha / 255).max() <= within


@pytest.mark.parametrize("depth", ["u1", "u2", "f4"])
@pytest.mark.parametrize("name", KINDS)
def test_a_picture_is_the_same_in_every_layout_packing_and_byte_order(
    name: str, depth: str
) -> None:
    photometric, values, extra = KINDS[name]
    alpha = SOFT if extra else None
    orders: tuple[Order, ...] = ("<", ">")
    for row, layout in enumerate(LAYOUTS.values()):
        for column, packing in enumerate(PACKINGS.values()):
            order = orders[(row + column) % 2]
            page = Page(stored(values, depth), photometric, extra, **layout, **packing)
            data = tiff(page, order=order, big=column == row % 4)
            colours = COLOURS if values.shape[-1] > 2 else GREYS
            assert_shows(data, colours, alpha, within=3 if extra == (ALPHA_ASSOCIATED,) else 1.01)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("depth", ["f2", "u4", "f8"])
def test_halves_and_samples_of_32_and_64_bits_are_read(depth: str, order: Order) -> None:
    for photometric, values in ((GREY, GREYS), (RGB, COLOURS)):
        for predictor in (1,) if depth == "f8" else (1, 2):
            samples = stored(values, depth)
            page = Page(samples, photometric, compression=DEFLATE, predictor=predictor)
            assert_shows(tiff(page, order=order), values)


@pytest.mark.parametrize("depth", ["f2", "f4", "f8"])
def test_the_predictor_of_floating_point_is_undone(depth: str) -> None:
    for layout in LAYOUTS.values():
        packed: dict[str, Any] = {"compression": DEFLATE, "predictor": 3}
        assert_shows(tiff(Page(stored(COLOURS, depth), RGB, **layout, **packed)), COLOURS)


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_samples_that_are_no_whole_bytes_are_read(bits: int) -> None:
    top = (1 << bits) - 1
    for layout in LAYOUTS.values():
        for photometric, values in ((GREY, GREYS), (RGB, COLOURS)):
            levels = np.round(values / 255 * top)
            page = Page(levels.astype("u2"), photometric, bits=bits, **layout)
            assert_shows(tiff(page), levels * 255 / top)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("factor", [1, 256, 257], ids=["8 bits", "upper bits", "16 bits"])
def test_a_palette_of_8_bits_is_told_from_one_of_16(bits: int, factor: int) -> None:
    colours = np.random.default_rng(bits).integers(0, 256, (3, 1 << bits))
    indexes = ((X + Y) % (1 << bits))[..., None].astype("u2" if bits < 8 else "u1")
    map_of = {320: (SHORT, [int(value) for value in (colours * factor).ravel()])}
    for layout in LAYOUTS.values():
        page = Page(indexes, PALETTE, bits=bits % 8, more=map_of, **layout)
        assert_shows(tiff(page), colours.T[indexes[..., 0]])


def test_a_palette_with_alpha_keeps_it() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (3, 256))
    samples = np.concatenate([(X + Y)[..., None], SOFT], -1).astype("u1")
    map_of = {320: (SHORT, [int(value) for value in (colours * 257).ravel()])}
    for layout in LAYOUTS.values():
        page = Page(samples, PALETTE, (ALPHA,), more=map_of, **layout)
        assert_shows(tiff(page), colours.T[X + Y], SOFT)


def test_a_palette_that_is_too_short_is_corrupt() -> None:
    page = Page(np.zeros((HIGH, WIDE, 1), "u1"), PALETTE, more={320: (SHORT, [9] * 30)})
    with pytest.raises(CorruptImageError):
        shown(tiff(page))


@pytest.mark.parametrize("depth", ["u1", "u2"])
def test_cmyk_with_alpha_is_read(depth: str) -> None:
    inks = np.concatenate([255 - COLOURS, np.zeros((HIGH, WIDE, 1))], -1)
    for layout in LAYOUTS.values():
        values = stored(np.concatenate([inks, SOFT], -1), depth)
        packed: dict[str, Any] = {"compression": DEFLATE, "predictor": 2}
        assert_shows(tiff(Page(values, CMYK, (ALPHA,), **layout, **packed)), COLOURS, SOFT, 2.5)


def test_a_spot_colour_beside_cmyk_is_not_alpha() -> None:
    inks = np.concatenate([255 - COLOURS, np.zeros((HIGH, WIDE, 1)), SOFT], -1)
    assert_shows(tiff(Page(stored(inks, "u1"), CMYK, (ALPHA_UNKNOWN,))), COLOURS, within=2.5)


@pytest.mark.parametrize("depth", ["u1", "u2"])
def test_lab_with_alpha_is_read(depth: str) -> None:
    lab = np.stack([45 + X / 2.0, Y / 2.0 - 9.0, X / 2.0 - 13.0], -1).round()
    scale = (2.55, 1) if depth == "u1" else (655.35, 256)
    values = np.round(lab * [scale[0], scale[1], scale[1]]).astype(int)
    alpha = stored(SOFT, depth)
    samples = np.concatenate([values.astype(depth), alpha], -1)
    for layout in LAYOUTS.values():
        assert_shows(tiff(Page(samples, LAB, (ALPHA,), **layout)), lab_seen(lab), SOFT, 6)


def test_an_unknown_sample_that_is_zero_everywhere_is_no_alpha() -> None:
    values = np.concatenate([COLOURS, np.zeros((HIGH, WIDE, 1))], -1)
    assert_shows(tiff(Page(stored(values, "u1"), RGB, (ALPHA_UNKNOWN,))), COLOURS)


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 2)])
@pytest.mark.parametrize("compression", [NONE, LZW, DEFLATE, PACKBITS])
def test_ycbcr_that_is_no_jpeg_is_read(across: int, down: int, compression: int) -> None:
    red = np.tile([76, 85, 255], (16, 32, 1)).astype("u1")  # JFIF's, of (255, 0, 0)
    units = np.tile([76] * across * down + [85, 255], 16 // down * (32 // across)).astype("u1")
    flat = units.reshape(1, -1, 1)  # one row of bytes, as they lie in the strip
    sides = {256: (4, [32]), 257: (4, [16]), 278: (4, [16])}
    layout = {258: (SHORT, [8] * 3), 277: (SHORT, [3]), 339: None, 530: (SHORT, [across, down])}
    page = Page(flat, YCBCR, compression=compression, more={**sides, **layout})
    seen = pixels(shown(tiff(page)))
    assert seen.shape == red.shape
    assert np.abs(seen - [255, 0, 0]).max() <= 2


def test_the_reference_of_black_and_white_is_applied() -> None:
    video = np.tile(np.array([235, 128, 128], "u1"), (HIGH, WIDE, 1))
    levels = (RATIONAL, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])
    page = Page(video, YCBCR, more={530: (SHORT, [1, 1]), 532: levels})
    assert_shows(tiff(page), np.full((HIGH, WIDE, 3), 255))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_turns_every_layout(orientation: int) -> None:
    turned = {274: (SHORT, [orientation])}
    tall = orientation >= 5
    for layout in ("strips", "planes of tiles"):
        for depth in ("u1", "f4"):
            page = Page(stored(COLOURS, depth), RGB, more=turned, **LAYOUTS[layout])
            assert result(tiff(page)).size == ((HIGH, WIDE) if tall else (WIDE, HIGH))


def test_fractions_that_are_brighter_than_1_are_clipped() -> None:
    bright = np.full((HIGH, WIDE, 1), 0.5, "f4")
    bright[0] = 3.0
    seen = pixels(shown(tiff(Page(bright, GREY))).convert("L"))
    assert (seen[1:] == 128).all()
    assert (seen[0] == 255).all()


def test_the_profile_of_an_assembled_picture_is_applied() -> None:
    profile = matrix_profile(ADOBE_RGB, 2.2)
    green = np.tile(np.array([0, 1, 0], "f4"), (HIGH, WIDE, 1))
    page = Page(green, RGB, more={34675: (7, profile)})
    plain = pixels(shown(tiff(Page((green * 255).astype("u1"), RGB, more={34675: (7, profile)}))))
    assert (pixels(shown(tiff(page))) == plain).all()
