"""The preview that a model describes: its size, colours and background, and what is left out."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import DescriptionRequest, Encoding, Position, Watermark
from tests.support.pairwise import pairwise
from tests.workers.imaging.making import (
    DISPLAY_P3,
    STORED,
    corners,
    grey_profile,
    matrix_profile,
    noise,
    opened,
    pixel,
    pixels,
    png,
    press_profile,
    quarters,
    run,
    saved,
    to_srgb,
    with_exif,
)
from tests.workers.imaging.moving import COLOURS, KINDS, MOVING, flat, moving

REQUEST = DescriptionRequest(alt_text=True, file_name=False)
KNOWN = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))  # what `quarters` shows


def preview(data: bytes, to: ImageType = ImageType.WEBP, **options: Any) -> Image.Image:
    """The decoded preview of one file."""
    file = run(data, to, description_request=REQUEST, **options).preview
    assert file is not None
    return opened(file)


def near(image: Image.Image, wanted: tuple[int, ...], at: tuple[int, int] = (9, 9)) -> bool:
    """Whether a pixel has about that colour, within the noise of JPEG."""
    seen = pixel(image.convert("RGB"), at)
    return all(abs(a - b) <= 4 for a, b in zip(seen, wanted, strict=True))


def test_without_a_description_request_there_is_no_preview() -> None:
    output = run(saved(quarters(), "PNG"))
    assert output.preview is None
    assert "preview" not in output.seconds


def test_the_time_of_a_preview_is_reported() -> None:
    output = run(saved(quarters(), "PNG"), description_request=REQUEST)
    assert list(output.seconds) == ["decode", "preview", "resize", "watermark", "encode"]


@pytest.mark.parametrize("size", [(1536, 1024), (1024, 1536), (769, 2)])
def test_the_longer_side_of_a_large_picture_becomes_768(size: tuple[int, int]) -> None:
    seen = preview(saved(quarters(*size), "PNG"))
    assert seen.size == tuple(max(1, round(side * 768 / max(size))) for side in size)


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (768, 768)])
def test_a_small_picture_keeps_its_size(size: tuple[int, int]) -> None:
    assert preview(saved(Image.new("RGB", size), "PNG")).size == size


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_line_of_pixels_is_previewed(kind: str) -> None:
    for size, seen in (((20_000, 1), (768, 1)), ((1, 20_000), (1, 768))):
        data = saved(Image.new("RGB", size), kind)
        assert preview(data, ImageType.PNG).size == seen


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_preview_of_a_thumbnail_has_768_pixels_too(kind: str) -> None:
    data = saved(Image.new("RGB", (3200, 2400)), kind)
    output = run(data, description_request=REQUEST, max_width=100)
    assert (output.width, output.height) == (100, 75)
    assert opened(output.preview or b"").size == (768, 576)


def test_a_jpeg_for_a_thumbnail_is_decoded_large_enough_for_its_preview() -> None:
    stripes = np.tile(np.repeat(np.array([0, 255], np.uint8), 4), (384, 3072 // 8))
    seen = preview(saved(Image.fromarray(stripes), "JPEG", quality=95), max_width=100)
    assert pixels(seen).std() > 80  # 127 as drawn, 0 where they have run together


def test_a_turned_picture_is_upright() -> None:
    for orientation, turn in STORED.items():
        stored = quarters(1600, 800).transpose(turn)
        seen = preview(saved(stored, "JPEG", exif=with_exif(orientation)), max_width=100)
        assert seen.size == (768, 384), orientation
        assert tuple(corners(seen)) == KNOWN, orientation


def test_display_p3_becomes_srgb() -> None:
    image = Image.new("RGB", (900, 90), (200, 90, 60))
    seen = preview(saved(image, "PNG", icc_profile=matrix_profile(DISPLAY_P3, 2.2)))
    assert near(seen, to_srgb((200, 90, 60), DISPLAY_P3, 2.2))


def test_cmyk_is_converted_by_its_profile() -> None:
    inks = Image.new("CMYK", (900, 90), (255, 0, 0, 0))
    seen = preview(saved(inks, "TIFF", icc_profile=press_profile((138, 91, 78))))
    assert near(seen, (0, 148, 216))


def test_a_grey_profile_is_applied() -> None:
    data = saved(Image.new("L", (900, 90), 100), "PNG", icc_profile=grey_profile(1.0))
    assert near(preview(data), (168, 168, 168))


def test_a_palette_shows_its_colours() -> None:
    assert tuple(corners(preview(saved(quarters().quantize(4), "PNG")))) == KNOWN


def test_sixteen_bits_per_channel_are_not_clipped() -> None:
    rows = (b"\0" + b"\x40\x00" * 32) * 32
    assert near(preview(png((32, 32, 16, 0), rows), ImageType.PNG), (64, 64, 64))


def test_black_on_transparent_gets_a_white_background() -> None:
    logo = Image.new("RGBA", (64, 64))
    logo.paste("black", (0, 0, 32, 64))
    seen = preview(saved(logo, "PNG"))
    assert near(seen, (0, 0, 0))
    assert near(seen, (255, 255, 255), (55, 9))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_white_on_transparent_gets_a_grey_background(mode: str) -> None:
    logo = Image.new("RGBA", (64, 64))
    logo.paste((250, 250, 250, 255), (0, 0, 32, 64))
    seen = preview(saved(logo.convert(mode), "PNG"))
    assert near(seen, (250, 250, 250))
    assert near(seen, (96, 96, 96), (55, 9))


def test_white_words_beside_a_coloured_emblem_get_a_grey_background() -> None:
    logo = Image.new("RGBA", (64, 64))
    logo.paste("red", (0, 0, 32, 64))
    logo.paste("white", (32, 0, 48, 64))
    assert near(preview(saved(logo, "PNG")), (96, 96, 96), (59, 9))


def test_invisible_pixels_do_not_decide_the_background() -> None:
    logo = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    logo.paste("black", (0, 0, 32, 64))
    assert near(preview(saved(logo, "PNG")), (255, 255, 255), (55, 9))


def test_a_faint_shadow_hardly_decides_the_background() -> None:
    logo = Image.new("RGBA", (64, 64), (0, 0, 0, 12))
    logo.paste("white", (0, 0, 9, 64))
    assert not near(preview(saved(logo, "PNG")), (243, 243, 243), (55, 9))


def test_letters_stay_legible() -> None:
    page = Image.new("RGB", (400, 60), "white")
    ImageDraw.Draw(page).text((9, 9), "A quick brown fox 0123456789", fill="red", font_size=9)
    off = np.abs(pixels(page) - pixels(preview(saved(page, "PNG"))))
    assert off.max() < 64


@pytest.mark.parametrize("max_width", [None, 90])
def test_a_preview_has_no_watermark(max_width: int | None) -> None:
    how = Watermark(scale_percent=50, opacity_percent=100, position=Position.MC)
    mark = saved(Image.new("RGB", (60, 60), "white"), "PNG")
    data = saved(Image.new("RGB", (900, 900), "navy"), "PNG")
    output = run(
        data, ImageType.PNG, mark, description_request=REQUEST, max_width=max_width, watermark=how
    )
    middle = output.width // 2
    assert pixel(opened(output.data).convert("RGB"), (middle, middle)) == (255, 255, 255)
    assert near(opened(output.preview or b""), (0, 0, 128), (384, 384))


@pytest.mark.parametrize(
    ("size", "profile"),
    [((96, 64), None), ((960, 640), None), ((960, 640), matrix_profile(DISPLAY_P3, 2.2))],
    ids=["small", "large", "P3"],
)
def test_a_preview_has_no_metadata(profile: bytes | None, size: tuple[int, int]) -> None:
    data = saved(
        noise(*size),
        "JPEG",
        exif=with_exif(gps=True),
        icc_profile=profile,
        comment=b"SECRETWORDS",
        xmp=b"<x:xmpmeta>SECRETPLACE</x:xmpmeta>",
    )
    file = run(data, description_request=REQUEST).preview or b""
    assert b"SECRET" not in file
    assert opened(file).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(("kind", "to", "max_width"), pairwise(KINDS, MOVING, [None, 24]))
def test_an_animation_is_previewed_by_its_first_frame(
    kind: str, to: ImageType, max_width: int | None
) -> None:
    data = moving(kind, flat((900, 600)))
    output = run(data, to, description_request=REQUEST, max_width=max_width)
    seen = opened(output.preview or b"")
    assert seen.size == (768, 512)
    assert near(seen, COLOURS[0])
    assert getattr(Image.open(io.BytesIO(output.data)), "n_frames", 1) == len(COLOURS)


def test_an_animation_that_becomes_a_still_is_previewed_by_its_first_frame() -> None:
    assert near(preview(moving("GIF", flat()), ImageType.JPG), COLOURS[0])


def test_without_a_description_request_an_animation_has_no_preview() -> None:
    assert run(moving("GIF", flat()), ImageType.WEBP).preview is None


@pytest.mark.parametrize(
    ("data", "to"),
    [
        (saved(noise(), "JPEG", quality=30), ImageType.JPG),
        (saved(noise(), "WEBP", quality=10), ImageType.WEBP),
        (moving("WEBP", flat()), ImageType.WEBP),
    ],
    ids=["JPEG", "WebP", "animation"],
)
def test_an_upload_that_passes_through_is_previewed(data: bytes, to: ImageType) -> None:
    output = run(data, to, description_request=REQUEST)
    assert output.encoding is Encoding.ORIGINAL
    assert opened(output.preview or b"").size == (output.width, output.height)


def test_a_png_that_keeps_sixteen_bits_is_previewed() -> None:
    rows = b"".join(b"\0" + bytes(range(y, y + 64)) for y in range(32))
    assert preview(png((32, 32, 16, 0), rows), ImageType.PNG).size == (32, 32)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("size", [(96, 64), (960, 24)])  # the second is larger than its preview
def test_a_preview_does_not_change_the_result(kind: str, size: tuple[int, int]) -> None:
    data = saved(noise(*size), kind)
    for to in OUTPUT_TYPES:
        assert run(data, to, description_request=REQUEST).data == run(data, to).data, to
