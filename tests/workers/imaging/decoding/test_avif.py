"""AVIF and HEIC: what clap crops away is gone; colours by matrices that are rarely converted."""

import struct

import numpy as np
import pytest
from PIL import Image

from shared.errors import UnsupportedImageError
from shared.imagetype import ImageType
from tests.workers.imaging.making import noise, opened, pixel, pixels, result, run, saved
from tests.workers.imaging.planting import clap, with_film_properties, with_properties
from workers.imaging.colour.cicp import bt709_light, bt709_signal

EXACT = {"quality": 100, "speed": 10, "subsampling": "4:4:4"}
WHOLE = saved(noise(64, 48), "AVIF", **EXACT)
SUBSAMPLED = saved(noise(64, 48), "AVIF", **EXACT | {"subsampling": "4:2:0"})
HEIC = saved(noise(), "HEIF")

# Sides and the offset of their middle, each a numerator and a denominator, and what they leave.
CROPS = {
    "at the top left": ((40, 1, 30, 1, -12, 1, -9, 1), (0, 0, 40, 30)),
    "in the middle": ((32, 1, 24, 1, 0, 1, 0, 1), (16, 12, 48, 36)),
    "by half pixels": ((31, 1, 31, 1, -31, 2, -15, 2), (1, 1, 32, 32)),
    "by fractions that are whole": ((62, 2, 93, 3, -31, 2, -30, 4), (1, 1, 32, 32)),
    "at the bottom right": ((20, 1, 10, 1, 22, 1, 19, 1), (44, 38, 64, 48)),
    "to one pixel": ((1, 1, 1, 1, 63, 2, 47, 2), (63, 47, 64, 48)),
}
PASSED_OVER = {
    "wider than the picture": (66, 1, 48, 1, 0, 1, 0, 1),
    "beside the picture": (32, 1, 24, 1, 17, 1, 0, 1),
    "of half a pixel": (65, 2, 24, 1, 0, 1, 0, 1),
    "at half a pixel": (31, 1, 24, 1, 0, 1, 0, 1),
    "without a side": (0, 1, 24, 1, 0, 1, 0, 1),
    "over nothing": (32, 0, 24, 1, 0, 1, 0, 1),
}


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("data", [WHOLE, SUBSAMPLED], ids=["4:4:4", "4:2:0"])
def test_what_clap_crops_away_is_gone(data: bytes, name: str) -> None:
    numbers, box = CROPS[name]
    expected = opened(data).crop(box)
    seen = result(with_properties(data, clap(*numbers)))
    assert seen.size == expected.size
    assert (pixels(seen) == pixels(expected)).all()


@pytest.mark.parametrize("to", [ImageType.AVIF, ImageType.WEBP, ImageType.JPG])
def test_no_output_is_the_uncropped_file(to: ImageType) -> None:
    assert result(with_properties(WHOLE, clap(40, 1, 30, 1, -12, 1, -9, 1)), to).size == (40, 30)


def test_a_cropped_picture_is_turned_and_mirrored_after_that() -> None:
    # In whatever order the boxes stand: MIAF knows only this one.
    crop, turn, mirror = clap(20, 1, 40, 1, 3, 1, -2, 1), (b"irot", b"\3"), (b"imir", b"\1")
    cropped = opened(WHOLE).crop((25, 2, 45, 42))
    expected = cropped.transpose(Image.Transpose.ROTATE_270).transpose(
        Image.Transpose.FLIP_LEFT_RIGHT
    )
    for boxes in ((crop, turn, mirror), (turn, crop, mirror)):
        assert (pixels(result(with_properties(WHOLE, *boxes))) == pixels(expected)).all()


@pytest.mark.parametrize("name", PASSED_OVER)
def test_a_clap_of_no_whole_pixels_of_the_picture_is_passed_over(name: str) -> None:
    assert result(with_properties(WHOLE, clap(*PASSED_OVER[name]))).size == (64, 48)


def test_a_box_for_the_result_is_for_what_was_not_cropped() -> None:
    data = with_properties(WHOLE, clap(32, 1, 24, 1, 0, 1, 0, 1))
    assert result(data, max_width=16).size == (16, 12)
    assert result(data, max_width=40).size == (32, 24)


def test_a_sequence_is_cropped_too() -> None:
    frames = [noise(64, 48), noise(64, 48).transpose(Image.Transpose.ROTATE_180)]
    film = saved(frames[0], "AVIF", save_all=True, append_images=frames[1:], **EXACT)
    data = with_film_properties(film, clap(40, 1, 30, 1, -12, 1, -9, 1))
    assert (pixels(result(data)) == pixels(opened(film).crop((0, 0, 40, 30)))).all()


def with_matrix(data: bytes, primaries: int, transfer: int, matrix: int) -> bytes:
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HHH", primaries, transfer, matrix) + data[at + 6 :]


CONSTANT = [(0.5, 0.5, 0.5), (0.6, 0.45, 0.4), (0.35, 0.5, 0.55), (0.5, 0.35, 0.5), (0.4, 0.6, 0.3)]


@pytest.mark.parametrize(
    ("kind", "options"), [("AVIF", EXACT), ("HEIF", {"quality": 100, "chroma": 444})]
)
@pytest.mark.parametrize("signals", CONSTANT)
def test_constant_luminance_is_converted_by_bt_2020(
    signals: tuple[float, float, float], kind: str, options: dict[str, object]
) -> None:
    """Each colour, with BT.2020's curve, coded as BT.2020-2, table 4, has it."""
    red, _, blue = signals
    y = bt709_signal(float(np.dot((0.2627, 0.6780, 0.0593), [bt709_light(x) for x in signals])))
    cb = (blue - y) / (1.9404 if blue <= y else 1.5816)
    cr = (red - y) / (1.7184 if red <= y else 0.9936)
    # The colour that the encoder, which has only BT.601's matrix, codes by the same numbers.
    coded = (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)
    flat = Image.new("RGB", (32, 32), tuple(round(255 * value) for value in coded))
    # BT.709's primaries here, so that nothing else changes the colours.
    data = with_matrix(saved(flat, kind, **options), 1, 14, 10)
    seen = pixel(result(data).convert("RGB"), (16, 16))
    assert np.abs(np.array(seen) - 255 * np.array(signals)).max() <= 3


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_alpha_stay_beside_constant_luminance(mode: str) -> None:
    data = saved(
        Image.new(mode, (32, 32), 90 if mode == "L" else (90, 90, 90, 128)), "AVIF", **EXACT
    )
    seen = pixel(result(with_matrix(data, 1, 13, 10)).convert("RGBA"), (16, 16))
    assert np.abs(np.array(seen) - (90, 90, 90, 128 if mode == "RGBA" else 255)).max() <= 2


@pytest.mark.parametrize("matrix", [11, 13, 14])
@pytest.mark.parametrize("data", [WHOLE, HEIC], ids=["AVIF", "HEIC"])
def test_a_matrix_that_nobody_converts_is_named(data: bytes, matrix: int) -> None:
    with pytest.raises(UnsupportedImageError, match=f"matrix {matrix}"):
        run(with_matrix(data, 1, 13, matrix))
