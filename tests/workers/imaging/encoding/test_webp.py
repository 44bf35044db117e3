"""WebP: lossless where that is smaller, and no such try for photographs."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from shared.imagetype import ImageType
from shared.models import Effort, Encoding
from tests.support.cases import every_case
from tests.support.paths import SAMPLES
from tests.workers.imaging.making import opened, pixels
from workers.imaging.encoding import webp
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
full = pytest.mark.full

ORDERED = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))


def photo(name: str = "chelsea.png", mode: str = "RGB") -> Image.Image:
    image = Image.open(SAMPLES / name).convert(mode)
    image.thumbnail((320, 320))
    return image


def ramp(width: int, height: int) -> Image.Image:
    """A diagonal gradient of two colours."""
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)
    share = (across[None, :, None] + down[:, None, None]) / 2
    first, last = np.array((250, 250, 240)), np.array((40, 110, 220))
    return Image.fromarray((first * (1 - share) + last * share).astype(np.uint8))


def text(width: int = 600, height: int = 200, colour: str = "red", size: int = 16) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(size)
    for row, top in enumerate(range(4, height - size, size + 4)):
        words = " ".join(f"Word{row * 7 + at}" for at in range(width // size // 3))
        ImageDraw.Draw(image).text((6, top), words, fill=colour, font=font)
    return image


def page() -> Image.Image:
    """Cards with letters on a gradient."""
    image = ramp(600, 400)
    draw = ImageDraw.Draw(image)
    for left, top in ((30, 30), (310, 30), (30, 220)):
        draw.rounded_rectangle((left, top, left + 240, top + 160), 12, fill="white")
        draw.text((left + 20, top + 20), "Invoice 2026", fill="#205080", font_size=18)
        draw.text((left + 20, top + 60), "Settings and account", fill="#d03030", font_size=13)
    return image


def page_with_photo() -> Image.Image:
    image = text(400, 450, "black")
    image.paste(photo().resize((80, 53)), (300, 200))
    return image


def dithered(levels: int) -> Image.Image:
    """By an ordered 4 x 4 matrix, to so many levels per band."""
    values = pixels(photo()) / 255 * (levels - 1)
    height, width, _ = values.shape
    matrix = (np.tile(np.array(ORDERED), (height // 4 + 1, width // 4 + 1)) + 0.5) / 16
    chosen = np.floor(values + matrix[:height, :width, None])
    return Image.fromarray((chosen * (255 // (levels - 1))).astype(np.uint8))


def tiled(across: int, down: int, width: int = 48, height: int = 48) -> Image.Image:
    tile = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(np.tile(tile, (down, across, 1)))


def curves() -> Image.Image:
    """A chart of smooth lines, drawn large and scaled down."""
    image = Image.new("RGB", (960, 720), "white")
    for number, colour in enumerate(("#1f77b4", "#ff7f0e", "#2ca02c")):
        points = [(x, 360 + 230 * np.sin(number + x / (150 + 60 * number))) for x in range(960)]
        ImageDraw.Draw(image).line(points, fill=colour, width=5)
    return image.resize((480, 360), Image.Resampling.LANCZOS)


GRAPHICS = {
    "red text": text(400),
    "small text": text(300, 120, "black", 11),
    "page on a gradient": page(),
    "page with a photograph": page_with_photo(),
    "photograph in two colours": photo(mode="1").convert("RGB"),
    "photograph in 4 colours": photo().quantize(4).convert("RGB"),
    "photograph in 16 colours": photo().quantize(16).convert("RGB"),
    "ordered dither, 8 colours": dithered(2),
    "ordered dither, 64 colours": dithered(4),
    "gradient in two colours": ramp(320, 240).convert("1").convert("RGB"),
    "gradient": ramp(400, 300),
    "plain": Image.new("RGB", (500, 300), "#3060a0"),
    "tiles": tiled(8, 6),
    "tiles across alone": tiled(12, 1),
    "tiles down alone": tiled(1, 12, 400, 40),
    "doubled pixels": photo().resize((120, 80)).resize((360, 240), Image.Resampling.NEAREST),
    "chart": curves(),
    "chart, scaled": curves().resize((320, 240), Image.Resampling.LANCZOS),
    "chart, transparent": curves().convert("RGBA").rotate(9),
}


def encoded(image: Image.Image, quality: int, effort: Effort = Effort.BALANCED) -> Encoded:
    return encode(image.copy(), ImageType.WEBP, EncoderSettings(quality, effort))


def lossless_bytes(image: Image.Image) -> int:
    return len(webp.lossless(image, Effort.BALANCED))


@pytest.mark.parametrize(
    "quality",
    [pytest.param(40, marks=full), 82, pytest.param(90, marks=full), pytest.param(100, marks=full)],
)
@every_case("name", GRAPHICS)
def test_no_graphic_is_lossy_where_lossless_is_smaller(name: str, quality: int) -> None:
    found = encoded(GRAPHICS[name], quality)
    if found.encoding is Encoding.REENCODED:
        assert len(found.data) <= lossless_bytes(GRAPHICS[name])
    else:
        assert (pixels(opened(found.data)) == pixels(GRAPHICS[name])).all()


@pytest.mark.parametrize(("name", "encoding"), [("red text", "lossless"), ("chart", "reencoded")])
def test_the_smaller_of_both_is_chosen(name: str, encoding: str) -> None:
    assert encoded(GRAPHICS[name], 60).encoding == encoding


@pytest.mark.parametrize("mode", ["RGB", "L"])
@every_case("name", PHOTOS)
def test_lossless_is_not_tried_for_photographs(name: str, mode: str) -> None:
    image = photo(name, mode).convert("RGB")
    for encoder_quality in (42, 86, 94):  # for our 40, 82 and 90
        assert webp.lossless_is_surely_larger(image, len(webp.lossy(image, encoder_quality)))


def test_letters_that_would_bleed_are_lossless_for_some_more_bytes() -> None:
    image = text(480, 360)
    image.paste(photo().resize((270, 180)), (200, 100))
    lossy = len(webp.lossy(image, to_encoder_quality(82, "webp")))
    assert lossy < len(encoded(image, 82).data) < 1.25 * lossy
    assert encoded(image, 82).encoding is Encoding.LOSSLESS


def test_a_photograph_with_a_few_letters_stays_lossy() -> None:
    image = photo()
    image.paste(text(120, 40), (20, 20))
    assert encoded(image, 82).encoding is Encoding.REENCODED


def test_a_photograph_with_a_plain_sky_gets_a_quick_trial_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = Image.new("RGB", (320, 426), "#a0c0e0")
    image.paste(photo(), (0, 213))
    lossy = len(webp.lossy(image, to_encoder_quality(82, "webp")))
    methods = []
    save = webp._save

    def noted(image: Image.Image, **options: float) -> bytes:
        methods.append(options["method"])
        return save(image, **options)

    monkeypatch.setattr(webp, "_save", noted)
    assert webp.lossless_is_surely_larger(image, lossy)
    assert methods == [0]
