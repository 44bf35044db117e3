"""Colours that an AVIF names by code points: its nclx box, as readers of libavif apply it."""

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.conformance.comparing import ALL, QUALITY, assert_seen, difference
from tests.conformance.inputs import COLOURS, GREYS, chart, cicp, patches, picture, png_of
from tests.conformance.reference import (
    ADOBE_RGB,
    BT709,
    BT2020,
    DISPLAY_P3,
    Values,
    power,
    seen,
    srgb_light,
)
from tests.conformance.test_colour import GAMMA, profile_of
from tests.workers.imaging.making import opened, result, run, saved
from tests.workers.imaging.planting import heif
from workers.imaging.colour.nclx import codes_in_avif
from workers.imaging.formats import heif_items
from workers.imaging.formats.heif_items import Still
from workers.imaging.formats.isobmff import whole_boxes

LOSS = 2  # of the file itself, at quality 100 in 4:4:4


def avif(image: Image.Image, primaries: int, transfer: int, **options: Any) -> bytes:
    """An AVIF whose nclx boxes have these code points; the matrix stays as it is."""
    data = saved(image, "AVIF", **({"quality": 100, "subsampling": "4:4:4"} | options))
    plain, coded = (
        b"nclx" + struct.pack(">HH", *pair) for pair in ((1, 13), (primaries, transfer))
    )
    assert plain in data
    return data.replace(plain, coded)


def decoded(data: bytes) -> Values:
    """The patches before any conversion, so that the loss of the file itself does not count."""
    return patches(opened(data))


def p3(data: bytes) -> Values:
    return seen(decoded(data), DISPLAY_P3, srgb_light)


def primary_of(data: bytes) -> heif_items.Item:
    still = heif_items.read(data, heif_items.single(whole_boxes(data), b"meta")[b"meta"])
    return still.items[still.primary]


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize(
    ("primaries", "transfer", "space", "light"),
    [
        pytest.param(12, 13, DISPLAY_P3, srgb_light, id="Display P3"),
        pytest.param(9, 13, BT2020, srgb_light, id="BT.2020"),
        pytest.param(12, 4, DISPLAY_P3, power(2.2), id="P3 by gamma 2.2"),
    ],
)
def test_the_code_points_of_an_avif_name_its_colour_space(
    primaries: int,
    transfer: int,
    space: tuple[float, ...],
    light: Callable[[Values], Values],
    to: ImageType,
) -> None:
    data = avif(picture(COLOURS), primaries, transfer)
    assert_seen(data, seen(decoded(data), space, light), to, add=0.5)


def test_a_p3_red_is_as_red_as_srgb_can_show_it() -> None:
    image = result(avif(Image.new("RGB", (64, 64), (200, 91, 60)), 12, 13))
    assert difference(np.array(image.getpixel((32, 32))), np.array((216, 81, 49))) <= 1


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])
def test_the_camera_curves_of_an_avif_count_as_the_curve_of_srgb(transfer: int) -> None:
    data = avif(picture(COLOURS), 12, transfer)
    assert_seen(data, p3(data))


@pytest.mark.parametrize("codes", [(1, 13), (1, 1), (2, 2), (99, 99)])
def test_code_points_of_srgb_or_unspecified_change_no_colour_of_an_avif(
    codes: tuple[int, int],
) -> None:
    assert_seen(avif(picture(COLOURS), *codes), COLOURS, add=LOSS)


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_high_dynamic_range_is_tone_mapped_as_in_a_png(transfer: int) -> None:
    as_png = png_of(chart(GREYS.repeat(3, axis=1)), 8, 2, cicp(9, transfer))
    as_avif = avif(picture(GREYS.repeat(3, axis=1)), 9, transfer)
    assert difference(patches(result(as_avif)), patches(result(as_png))) <= LOSS


def test_a_profile_outranks_the_code_points_of_an_avif() -> None:
    item = primary_of(avif(picture(COLOURS), 9, 16))
    profile = (b"colr", b"prof" + profile_of(ADOBE_RGB), False)
    data = heif(Still(1, {1: replace(item, properties=(*item.properties, profile))}, ()))
    assert b"nclx" in data
    assert_seen(data, seen(decoded(data), ADOBE_RGB, power(GAMMA)))


def test_the_code_points_of_another_item_are_ignored() -> None:
    other = primary_of(avif(picture(COLOURS), 9, 16))
    own = primary_of(avif(picture(COLOURS), 12, 13))
    data = heif(Still(2, {1: other, 2: own}, ()))
    assert_seen(data, p3(data))


def test_a_sequence_follows_the_code_points_of_its_track() -> None:
    first = picture(COLOURS)
    data = avif(first, 9, 16, save_all=True, append_images=[first.rotate(180)])
    track = data.index(b"nclx", data.index(b"moov"))
    changed = data[:track] + b"nclx" + struct.pack(">HH", 12, 13) + data[track + 8 :]
    assert_seen(changed, p3(changed))


def test_code_points_do_not_change_the_alpha_of_an_avif() -> None:
    image = picture(COLOURS).convert("RGBA")
    image.putalpha(100)
    data = avif(image, 12, 13)
    changed = patches(result(data), "RGBA")
    assert difference(changed[:, :3], p3(data)) <= 1
    assert difference(changed[:, 3:], np.full((64, 1), 100)) <= 1


def test_a_grey_avif_follows_its_curve() -> None:
    data = avif(picture(GREYS, "L"), 12, 8, subsampling="4:0:0")
    assert_seen(data, seen(decoded(data), BT709, power(1.0)))


def test_an_avif_of_another_space_is_encoded_again_and_marked_as_srgb() -> None:
    data = avif(picture(COLOURS), 12, 13, quality=10)
    output = run(data, ImageType.AVIF, quality=QUALITY)
    assert output.encoding == "reencoded"
    assert b"nclx" + struct.pack(">HH", 1, 13) in output.data


@pytest.mark.parametrize("name", [b"pitm", b"iprp", b"ipco", b"ipma"])
def test_an_avif_without_a_box_that_leads_to_its_code_points_has_none(name: bytes) -> None:
    data = avif(picture(COLOURS), 12, 13)
    assert codes_in_avif(data) == (12, 13, 0, 1)
    assert codes_in_avif(data.replace(name, b"free", 1)) is None
