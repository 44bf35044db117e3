"""JPEG: grey, inks, tags that name no profile, and files with a second picture behind."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.conformance.comparing import ALL, QUALITY, assert_seen, difference
from tests.conformance.inputs import (
    COLOURS,
    GREYS,
    Samples,
    gain_map_xmp,
    multi_picture,
    patches,
    picture,
    with_segments,
    without_segment,
    ycck_jpeg,
)
from tests.conformance.reference import BT709, DISPLAY_P3, Values, lab_seen, power, seen
from tests.conformance.test_colour import GAMMA, profile_of
from tests.workers.imaging.making import (
    grey_profile,
    press_profile,
    result,
    run,
    saved,
    with_exif,
)
from workers.imaging.formats.probe import probe

LOSS = 2  # of 255, what a JPEG of quality 100 itself is off in a flat patch


def jpeg(image: Image.Image, **options: object) -> bytes:
    """A JPEG with next to no loss of its own."""
    extra = {} if image.mode in ("L", "CMYK") else {"subsampling": 0}
    return saved(image, "JPEG", quality=100, **extra, **options)


@pytest.mark.parametrize("to", ALL)
def test_grey_without_a_profile_is_srgb(to: ImageType) -> None:
    assert_seen(jpeg(picture(GREYS, "L")), GREYS.repeat(3, axis=1), to, add=LOSS)


@pytest.mark.parametrize("to", ALL)
def test_grey_follows_a_grey_profile(to: ImageType) -> None:
    data = jpeg(picture(GREYS, "L"), icc_profile=grey_profile(1.5))
    wanted = seen(GREYS.repeat(3, axis=1), BT709, power(1.5))
    # The curve is steep in the dark and makes more of a loss there.
    assert_seen(data, wanted, to, add=LOSS + 4)


# Inks from 0 to 255 (all). Black is set against white, and all colours against each other.
INKS: Samples = np.array(
    [(c, m, y, k) for k in (0, 100) for c in (0, 90, 255) for m in (0, 200) for y in (0, 120, 255)]
    + [(0, 0, 0, 255), (0, 0, 0, 50), (255, 255, 255, 0), (30, 20, 10, 5)]
)


def by_subtraction(inks: Samples) -> Values:
    """Inks as RGB where no profile says more: each takes its part of the light away."""
    return (255 - inks[:, :3]) * (255 - inks[:, 3:]) / 255


def cmyk_of(kind: str) -> bytes:
    if kind == "YCCK":
        return ycck_jpeg(INKS)
    data = jpeg(picture(INKS, "CMYK"))
    assert data[data.index(b"Adobe\0") + 11] == 0
    return data if kind == "Adobe CMYK" else without_segment(data, 0xEE)


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("kind", ["Adobe CMYK", "YCCK", "CMYK without APP14"])
def test_inks_without_a_profile_absorb_light(kind: str, to: ImageType) -> None:
    # All three are inverted: all writers do so, and browsers expect it without APP14 too.
    assert_seen(cmyk_of(kind), by_subtraction(INKS), to, add=LOSS)


@pytest.mark.parametrize("kind", ["CMYK", "YCCK"])
def test_inks_follow_their_profile(kind: str) -> None:
    ink = (130, 190, 150)  # L*a*b* in 8 bits of full cyan, which here looks red
    cyan: Samples = np.array([(step * 255 // 15, 0, 0, 0) for step in range(16)])
    paper, full = np.array((100.0, 0, 0)), np.array((130 / 2.55, 190 - 128, 150 - 128))
    wanted = lab_seen(paper + (full - paper) * cyan[:, :1] / 255)
    data = ycck_jpeg(cyan) if kind == "YCCK" else jpeg(picture(cyan, "CMYK"))
    profile = press_profile(ink)
    segment = (0xE2, b"ICC_PROFILE\0\x01\x01" + profile)
    assert_seen(with_segments(data, segment), wanted, add=LOSS + 1)


def interoperable_exif(index: bytes) -> bytes:
    """EXIF that says Adobe RGB the DCF way: ColorSpace 65535 and an InteropIndex of R03."""
    main = struct.pack(">HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    exif = struct.pack(">HHHIHH", 2, 0xA001, 3, 1, 0xFFFF, 0)
    exif += struct.pack(">HHII", 0xA005, 4, 1, 26 + 2 + 24 + 4) + bytes(4)
    interop = struct.pack(">HHHI4s", 1, 1, 2, 4, index) + bytes(4)
    return b"Exif\0\0MM\0*\0\0\0\x08" + main + exif + interop


def test_adobe_rgb_by_exif_alone_is_taken_for_srgb() -> None:
    exif = interoperable_exif(b"R03\0")
    block = Image.Exif()
    block.load(exif)
    assert block.get_ifd(0x8769)[0xA001] == 0xFFFF
    assert block.get_ifd(0xA005)[1] == "R03"
    assert_seen(jpeg(picture(COLOURS), exif=exif), COLOURS, add=LOSS)


SECOND = saved(Image.new("L", (64, 64), 255), "JPEG")


def two_pictures(kind: str) -> bytes:
    """A P3 chart with a gain map behind it."""
    base = jpeg(picture(COLOURS), icc_profile=profile_of(DISPLAY_P3), exif=with_exif(1))
    data = multi_picture(base, SECOND, *([gain_map_xmp()] if kind == "Ultra HDR" else []))
    image = Image.open(io.BytesIO(data))
    # The index is right: Pillow takes one for two pictures and knows the other for what it is.
    assert image.format == ("JPEG" if kind == "Ultra HDR" else "MPO")
    assert kind == "Ultra HDR" or getattr(image, "n_frames", 1) == 2
    return data


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("kind", ["Ultra HDR", "MPF"])
def test_the_base_of_a_gain_map_file_keeps_its_colours(kind: str, to: ImageType) -> None:
    assert_seen(two_pictures(kind), seen(COLOURS, DISPLAY_P3, power(GAMMA)), to, add=LOSS + 1)


@pytest.mark.parametrize("kind", ["Ultra HDR", "MPF"])
def test_a_gain_map_is_no_second_frame_and_not_in_the_output(kind: str) -> None:
    data = two_pictures(kind)
    assert probe(data).frames == 1
    output = run(data, ImageType.JPG)
    assert (output.width, output.height) == (128, 128)
    assert output.warnings == ()
    assert output.data.count(b"\xff\xd8\xff") == 1
    assert b"MPF\0" not in output.data
    assert b"hdrgm" not in output.data


@pytest.mark.parametrize("kind", ["Ultra HDR", "MPF"])
def test_the_base_of_a_gain_map_file_is_scaled(kind: str) -> None:
    image = result(two_pictures(kind), quality=QUALITY, max_width=64)
    assert difference(patches(image), seen(COLOURS, DISPLAY_P3, power(GAMMA))) <= 4


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_base_whose_gain_map_was_cut_off_is_still_a_picture(keep: float) -> None:
    data = two_pictures("MPF")
    cut = data[: len(data) - len(SECOND) + round(len(SECOND) * keep)]
    assert_seen(cut, seen(COLOURS, DISPLAY_P3, power(GAMMA)), add=LOSS + 1)
