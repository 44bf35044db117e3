"""`make crops PHOTOS=folder QUALITY=60`: what the encoders do where eyes see it, at 100 %."""

import io
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from infra.benchmarks.codecs import pictures
from shared.imagetype import ImageType
from shared.models import Effort
from workers.imaging.encoding import avif
from workers.imaging.encoding.content import steps_of
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.quality import to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings

_SIDE, _STEP, _LABEL = 224, 32, 16  # pixels
_Files = dict[str, bytes]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--quality", default=60)
@click.option("--side", default=1600, help="Scale pictures to fit this many pixels; 0: full size.")
@click.option("--limit", type=int, help="At most this many pictures, spread over the folder.")
@click.option("--out", default=".crops", type=click.Path(path_type=Path))
@click.option("--options", multiple=True, help="AVIF with these too, at its bytes: tune=iq,a=b")
def main(
    folder: Path, quality: int, side: int, limit: int | None, out: Path, options: tuple[str, ...]
) -> None:
    """Draws two places of each photograph: its faintest texture, and a dark gradient.

    Each is drawn as it is, and below that with its contrast raised.
    """
    out.mkdir(exist_ok=True)
    for picture in pictures.load(folder, side, limit):
        files = dict(_files(picture.image, quality, options))
        path = out / f"{Path(picture.name).stem}-{quality}.png"
        _sheet(picture.image, files).save(path)
        click.echo(path)


def _files(image: Image.Image, quality: int, more: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for format, effort in (
        *product([ImageType.AVIF], Effort),
        (ImageType.WEBP, Effort.BALANCED),
        (ImageType.JPG, Effort.BALANCED),
    ):
        file = encode(image.copy(), format, EncoderSettings(quality, effort)).data
        yield f"{format.value} {effort.value}", file
        if (format, effort) == (ImageType.AVIF, Effort.BALANCED):
            for text in more:
                options = dict(part.split("=") for part in text.split(","))
                yield text, _avif_of_size(image, len(file), quality, options)


def _avif_of_size(image: Image.Image, size: int, quality: int, options: Mapping[str, str]) -> bytes:
    """AVIF at balanced effort with other options of libaom, at about that many bytes."""
    steps = steps_of(image)
    way = avif.way_for(Effort.BALANCED, avif.subsampling_for(image, quality, steps), steps)
    start = round(to_encoder_quality(quality, way.curve))
    tried = (
        avif.lossy(image.copy(), number, way, options) for number in range(start - 14, start + 14)
    )
    return min(tried, key=lambda data: abs(len(data) - size))


def _sheet(image: Image.Image, files: _Files) -> Image.Image:
    """A column per file, after the original; two rows per place."""
    places = _places(image)
    columns = {"original": image} | {
        f"{name}, {len(data)}": _decoded(data) for name, data in files.items()
    }
    height = _LABEL + 2 * len(places) * _SIDE
    sheet = Image.new("RGB", (len(columns) * _SIDE, height), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (label, whole) in enumerate(columns.items()):
        draw.text((column * _SIDE + 2, 2), label, "black")
        for row, (left, top) in enumerate(places):
            box = (left, top, left + _SIDE, top + _SIDE)
            level = ImageStat.Stat(image.crop(box)).mean
            crop = whole.crop(box)
            for line, shown in enumerate((crop, _raised(crop, level))):
                at = (column * _SIDE, _LABEL + (2 * row + line) * _SIDE)
                sheet.paste(shown, at)
    return sheet


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def _raised(crop: Image.Image, level: list[float]) -> Image.Image:
    """The crop with four times the contrast around its mean, which becomes medium grey."""
    bands = crop.split()
    return Image.merge(
        "RGB",
        [
            band.point([round(128 + 4 * (v - mean)) for v in range(256)])
            for band, mean in zip(bands, level, strict=True)
        ],
    )


def _places(image: Image.Image) -> list[tuple[int, int]]:
    """The corners of two windows: the faintest texture that is not flat, and the darkest of few
    details that is not black."""
    grey = image.convert("L")
    detail = ImageChops.difference(grey, grey.filter(ImageFilter.BoxBlur(2)))
    tops = range(0, max(1, image.height - _SIDE + 1), _STEP)
    lefts = range(0, max(1, image.width - _SIDE + 1), _STEP)
    corners = [(left, top) for top in tops for left in lefts]
    means = {corner: (_mean(detail, corner), _mean(grey, corner)) for corner in corners}
    faint = min(corners, key=lambda corner: abs(means[corner][0] - 1.5))
    dark = min(corners, key=lambda corner: abs(means[corner][1] - 30) + 10 * means[corner][0])
    return [faint, dark]


def _mean(image: Image.Image, corner: tuple[int, int]) -> float:
    left, top = corner
    pixels: NDArray[np.uint8] = np.asarray(image.crop((left, top, left + _SIDE, top + _SIDE)))
    return float(pixels.mean())


if __name__ == "__main__":
    main()
