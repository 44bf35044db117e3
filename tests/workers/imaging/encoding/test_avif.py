"""AVIF: its planes are rounded, and its colour has the resolution that the picture needs."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageStat

from shared.errors import ImageError
from shared.imagetype import ImageType
from shared.models import Effort
from tests.workers.imaging.making import noise, opened
from workers.imaging.encoding import libavif
from workers.imaging.encoding.content import bleeds
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.planes import colour_planes
from workers.imaging.encoding.settings import EncoderSettings

PHOTO = "tests/samples/chelsea.png"


def photo() -> Image.Image:
    with Image.open(PHOTO) as image:
        return image.convert("RGB")


def red_letters() -> Image.Image:
    image = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(image).text((5, 20), "Red letters", "red", font_size=30)
    return image


def avif(image: Image.Image, quality: int, effort: Effort = Effort.FAST) -> bytes:
    return encode(image, ImageType.AVIF, EncoderSettings(quality, effort)).data


def subsampling(data: bytes) -> str:
    """As the AV1 configuration says (AV1 Codec ISO Media File Format Binding, 2.3.3)."""
    flags = data[data.index(b"av1C") + 6]
    monochrome, horizontal, vertical = flags >> 4 & 1, flags >> 3 & 1, flags >> 2 & 1
    return {(1, 1, 1): "4:0:0", (0, 0, 0): "4:4:4", (0, 1, 1): "4:2:0"}[
        monochrome, horizontal, vertical
    ]


def test_the_planes_are_rounded_and_not_cut_off() -> None:
    image = photo()
    red, green, blue = np.moveaxis(np.asarray(image, dtype=float), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-T T.871, 7
    exact = [luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    for plane, values in zip(colour_planes(image, half_colour=False), exact, strict=True):
        off = np.frombuffer(plane, np.uint8).reshape(values.shape) - values
        assert np.abs(off).max() < 0.51
        assert abs(off.mean()) < 0.05  # 0.5, were it cut off


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (64, 515)])
def test_half_colour_is_the_mean_of_four_pixels_also_at_odd_edges(size: tuple[int, int]) -> None:
    image = noise(*size)
    luma, *half = colour_planes(image, half_colour=True)
    whole_luma, *whole = colour_planes(image, half_colour=False)
    assert luma == whole_luma
    for plane, full in zip(half, whole, strict=True):
        assert bytes(plane) == Image.frombytes("L", size, bytes(full)).reduce(2).tobytes()


@pytest.mark.parametrize(("quality", "expected"), [(50, "4:2:0"), (75, "4:4:4"), (95, "4:4:4")])
def test_a_photograph_has_full_colour_except_at_low_quality(quality: int, expected: str) -> None:
    assert subsampling(avif(photo(), quality)) == expected


def test_coloured_letters_have_full_colour_at_any_quality() -> None:
    assert subsampling(avif(red_letters(), 50)) == "4:4:4"


def test_a_drawing_has_full_colour_at_any_quality_though_nothing_bleeds() -> None:
    drawing = Image.new("RGB", (400, 300), (200, 190, 170))
    ImageDraw.Draw(drawing).ellipse((80, 60, 320, 240), fill=(185, 175, 190))
    assert not bleeds(drawing)
    assert subsampling(avif(drawing, 50)) == "4:4:4"


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_stays_grey(mode: str) -> None:
    assert subsampling(avif(photo().convert(mode), 75)) == "4:0:0"


def test_transparency_stays_and_one_that_is_opaque_everywhere_is_left_out() -> None:
    image = photo().convert("RGBA")
    assert opened(avif(image.copy(), 75)).mode == "RGB"
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    again = opened(avif(image.copy(), 90))
    assert again.mode == "RGBA"
    change = ImageStat.Stat(again.getchannel("A")).mean[0] - 127.5
    assert abs(change) < 1


@pytest.mark.parametrize("effort", list(Effort))
def test_the_file_names_srgb_in_full_range(effort: Effort) -> None:
    data = avif(photo().resize((64, 64)), 75, effort)
    assert b"nclx" + bytes([0, 1, 0, 13, 0, 6, 0x80]) in data


def test_an_option_that_libaom_does_not_know_is_an_error() -> None:
    planes = colour_planes(noise(), half_colour=False)
    with pytest.raises(ImageError):
        libavif.encode(noise().size, "4:4:4", planes, None, 50, 9, {"no-such-option": "1"})


def test_a_decoder_of_others_reads_it() -> None:
    image = noise(33, 17)
    with Image.open(io.BytesIO(avif(image.copy(), 90))) as again:
        assert again.size == image.size
