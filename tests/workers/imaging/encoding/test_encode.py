"""Encoded files: the format asked for, its limits, no metadata, and what quality means in each."""

import io
import itertools
import math
import os

import pytest
from PIL import Image, ImageChops, ImageDraw, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from shared.errors import TooLargeForFormatError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Effort
from tests.support.pairwise import pairwise
from tests.workers.imaging.making import SRGB as SRGB_COLORANTS
from tests.workers.imaging.making import (
    matrix_profile,
    noise,
    opened,
    pixel,
    pixels,
    png,
    quarters,
    result,
    run,
    saved,
    with_exif,
)
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.jpeg import FULL_COLOUR_MIN_QUALITY
from workers.imaging.encoding.quality import QualityCurve, to_encoder_quality
from workers.imaging.encoding.quality_table import ENCODER_QUALITY
from workers.imaging.encoding.settings import EncoderSettings

PHOTO = "tests/samples/chelsea.png"
KINDS = {
    ImageType.WEBP: "WEBP",
    ImageType.AVIF: "AVIF",
    ImageType.JPG: "JPEG",
    ImageType.PNG: "PNG",
}


def photo() -> bytes:
    with open(PHOTO, "rb") as file:
        return file.read()


@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_the_output_is_of_the_format_asked_for(to: ImageType) -> None:
    output = run(photo(), to)
    assert opened(output.data).format == KINDS[to]
    assert opened(output.data).size == (output.width, output.height) == (451, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "TIFF"])
def test_no_metadata_is_in_a_result(kind: str) -> None:
    extras: dict[str, object] = {"exif": with_exif(1, gps=True), "dpi": (300, 300)}
    extras["icc_profile"] = matrix_profile(SRGB_COLORANTS, 2.0)
    if kind == "PNG":
        note = PngInfo()
        note.add_text("Comment", "SECRETNOTE")
        extras["pnginfo"] = note
    elif kind != "TIFF":
        extras["xmp"] = b"<x:xmpmeta>SECRETXMP</x:xmpmeta>"
    data = saved(quarters(), kind, **extras)
    assert b"SECRET" in data
    for to in OUTPUT_TYPES:
        output = run(data, to).data
        for word in (b"SECRET", b"Exif", b"eXIf", b"acsp", b"2026"):
            assert word not in output, to
        found = {key for key, value in opened(output).info.items() if value}
        found -= {"dpi"} if to is ImageType.JPG else set()
        assert not {"exif", "icc_profile", "xmp", "dpi", "comment"} & found, to


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_kept(mode: str) -> None:
    image = Image.linear_gradient("L").convert(mode)
    image.putalpha(Image.linear_gradient("L").rotate(90))
    for to in (ImageType.WEBP, ImageType.AVIF, ImageType.PNG):
        seen = result(saved(image, "PNG"), to, quality=90).getchannel("A")
        difference = abs(pixels(seen) - pixels(image.getchannel("A")))
        assert difference.mean() < 1.5, to


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_white_in_jpg(mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((0, 0, 0, 128), (16, 0, 32, 32))
    seen = result(saved(image.convert(mode), "PNG"), ImageType.JPG, quality=100).convert("L")
    assert pixel(seen, (4, 4))[0] >= 253
    assert abs(pixel(seen, (28, 28))[0] - 127) <= 3


def test_transparency_is_white_in_all_rows_of_a_tall_jpg() -> None:
    image = Image.new("RGBA", (16, 700))
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    seen = result(saved(image, "PNG"), ImageType.JPG, quality=100).convert("L")
    assert abs(pixels(seen) + pixels(image.getchannel("A")) - 255).max() <= 3


def test_jpg_lets_go_of_what_was_transparent_before_it_encodes() -> None:
    image = quarters().convert("RGBA")
    encode(image, ImageType.JPG, EncoderSettings(82, Effort.BALANCED))
    with pytest.raises(ValueError, match="closed"):
        image.load()


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.AVIF, ImageType.PNG])
def test_an_opaque_alpha_channel_is_dropped(to: ImageType) -> None:
    image = quarters().convert("RGBA")
    assert not opened(run(saved(image, "PNG"), to).data).has_transparency_data


@pytest.mark.parametrize(
    ("to", "side"), [(ImageType.WEBP, 16384), (ImageType.AVIF, 32769), (ImageType.JPG, 65501)]
)
def test_a_side_too_long_for_the_format_is_refused_with_advice(to: ImageType, side: int) -> None:
    data = png((side, 2, 1, 0), (b"\0" + bytes(side // 8 + 1)) * 2)
    with pytest.raises(TooLargeForFormatError) as caught:
        run(data, to)
    assert caught.value.message == (
        f"The result would be {side} x 2 pixels; {to.value} allows at most {side - 1} pixels "
        f"per side. Ask for a maxWidth of {side - 1} or less"
    )
    assert run(data, to, max_width=side - 1).width == side - 1


def test_a_tall_picture_of_the_advised_width_fits() -> None:
    data = png((4, 20_000, 1, 0), b"\0\0" * 20_000)
    with pytest.raises(TooLargeForFormatError, match="maxWidth of 3 or less"):
        run(data, ImageType.WEBP)
    assert run(data, ImageType.WEBP, max_width=3).height == 15_000


LAYOUTS = ["L", "LA", "RGB", "RGBA"]
SIZES = [(1, 1), (1, 64), (63, 65), (64, 64), (65, 127)]


@pytest.mark.parametrize(("size", "mode", "to"), pairwise(SIZES, LAYOUTS, OUTPUT_TYPES))
def test_every_size_and_layout_encodes(size: tuple[int, int], mode: str, to: ImageType) -> None:
    image = noise(*size).convert(mode)
    if mode.endswith("A"):
        image.putalpha(noise(*size).getchannel("R"))
    output = run(saved(image, "PNG"), to)
    assert opened(output.data).size == size


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone has it")
def test_no_encoder_leaves_the_process_under_real_time_scheduling() -> None:
    for to in OUTPUT_TYPES:
        run(photo(), to)
    threads = [int(name) for name in os.listdir("/proc/self/task")]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.AVIF, ImageType.JPG])
def test_more_quality_is_more_bytes_and_less_loss(to: ImageType) -> None:
    source = pixels(Image.open(PHOTO).convert("RGB"))
    sizes, losses = [], []
    for quality in (40, 60, 82, 89, 90, 100):
        data = run(photo(), to, quality=quality).data
        sizes.append(len(data))
        losses.append(float(abs(pixels(opened(data).convert("RGB")) - source).mean()))
    assert sizes == sorted(sizes)
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("sample", ["coffee.png", "chelsea.png"])
def test_avif_is_smaller_than_webp_at_the_same_quality(sample: str) -> None:
    with open(f"tests/samples/{sample}", "rb") as file:
        data = file.read()
    assert len(run(data, ImageType.AVIF).data) < len(run(data, ImageType.WEBP).data)


def test_a_flat_graphic_is_lossless_in_webp() -> None:
    image = Image.new("RGB", (200, 200), "white")
    for at in range(0, 190, 10):
        image.paste((255, 0, at), (at, at, at + 7, at + 7))
    output = run(saved(image, "PNG"), ImageType.WEBP)
    assert (pixels(opened(output.data)) == pixels(image)).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_png_is_lossless_to_the_pixel(mode: str) -> None:
    image = noise().convert(mode)
    if mode.endswith("A"):
        image.putalpha(noise().getchannel("R"))
    seen = opened(run(saved(image, "PNG"), ImageType.PNG, quality=40).data).convert(mode)
    assert (pixels(seen) == pixels(image)).all()


@pytest.mark.parametrize("image", [quarters(), noise().convert("L"), Image.open(PHOTO)])
def test_png_is_smaller_than_a_plain_save(image: Image.Image) -> None:
    rgb = image.convert("RGB")
    assert len(run(saved(rgb, "BMP"), ImageType.PNG).data) < len(saved(rgb, "PNG"))


def test_jpg_is_progressive_and_in_full_colour_from_the_highest_qualities_on() -> None:
    low, high = (
        Image.open(io.BytesIO(run(photo(), ImageType.JPG, quality=quality).data))
        for quality in (FULL_COLOUR_MIN_QUALITY - 1, FULL_COLOUR_MIN_QUALITY)
    )
    assert low.info.get("progressive")
    assert JpegImagePlugin.get_sampling(low) == 2
    assert JpegImagePlugin.get_sampling(high) == 0


@pytest.mark.parametrize("quality", [75, 85, 95])
def test_a_jpeg_of_coloured_letters_in_full_colour_stays_in_full_colour(quality: int) -> None:
    image = Image.new("RGB", (400, 300), "white")
    for top in range(0, 300, 13):
        words = f"{top} Words in red, one beside the other, on every line of it"
        ImageDraw.Draw(image).text((2, top), words * 2, fill="red", font_size=11)
    data = saved(image, "JPEG", quality=quality, subsampling="4:4:4")
    again = opened(run(data, ImageType.JPG, quality=82).data)
    assert JpegImagePlugin.get_sampling(again) == 0


@pytest.mark.parametrize("curve", sorted(ENCODER_QUALITY))
def test_no_quality_curve_falls(curve: QualityCurve) -> None:
    values = [to_encoder_quality(quality, curve) for quality in range(40, 101)]
    assert values == sorted(values)
    assert values[0] < values[-1] <= 100


@pytest.mark.parametrize("quality", [40, FULL_COLOUR_MIN_QUALITY - 1, 100])
def test_no_encoded_jpeg_has_coefficients_that_end_the_process(quality: int) -> None:
    # mozjpeg calls exit() on those out of range. The signs of a wave in full contrast have the
    # largest.
    waves = [
        [math.cos((2 * at + 1) * number * math.pi / 16) for at in range(8)] for number in range(8)
    ]
    for across, down in itertools.product(waves, waves):
        block = bytes(255 * (x * y > 0) for y in down for x in across)
        tile = Image.frombytes("L", (8, 8), block)
        image = Image.new("L", (16, 16))
        for at in ((0, 0), (8, 8)):
            image.paste(tile, at)
            image.paste(ImageChops.invert(tile), (8 - at[0], at[1]))
        settings = EncoderSettings(quality, Effort.BALANCED)
        data = encode(image.convert("RGB"), ImageType.JPG, settings).data
        assert opened(data).size == image.size
