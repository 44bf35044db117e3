"""The pictures to measure with, from any folder of photographs."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from shared.errors import OperatorError, UnsupportedImageError
from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe


@dataclass(frozen=True)
class Picture:
    """An upright RGB image in sRGB; `name` is its file's."""

    name: str
    image: Image.Image

    @property
    def megapixels(self) -> float:
        return self.image.width * self.image.height / 1e6


def load(folder: Path, side: int, limit: int | None = None) -> list[Picture]:
    """The folder's images as the engine decodes them, scaled down to fit `side` x `side` pixels.

    side: 0 for full size. limit: how many at most, evenly spread over the folder. Other files are
    skipped; raises OperatorError if no image is left.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.is_file()]
    found = [picture for path in paths for picture in _read(path, side)]
    if not found:
        raise OperatorError(f"There are no photographs in {folder}")
    count = min(limit or len(found), len(found))
    return [found[index * len(found) // count] for index in range(count)]


def _read(path: Path, side: int) -> Iterator[Picture]:
    data = path.read_bytes()
    try:
        header = probe(data)
    except UnsupportedImageError:
        return
    # Through a lossless file, so that the engine's own pipeline decodes it.
    options = Options(format=ImageType.PNG, max_width=side or None, max_height=side or None)
    output = process(ImageJob(data, header, options, effort=Effort.FAST))
    with Image.open(io.BytesIO(output.data)) as image:
        yield Picture(path.name, on_white(image))


def on_white(image: Image.Image) -> Image.Image:
    """In RGB, because JPEG has no alpha and SSIMULACRA2 ignores it."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    above = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), above).convert("RGB")


def tiled(image: Image.Image, width: int, height: int) -> Image.Image:
    """A picture of that size in pixels, of copies of this one mirrored edge to edge.

    So it keeps the fine detail, which scaling up would lose.
    """
    pair = _beside(image, ImageOps.mirror(image))
    block = _above(pair, ImageOps.flip(pair))
    canvas = Image.new(image.mode, (width, height))
    for top in range(0, height, block.height):
        for left in range(0, width, block.width):
            canvas.paste(block, (left, top))
    return canvas


def jpeg(image: Image.Image) -> bytes:
    """The picture as a camera might store it: a baseline JPEG of quality 90."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def _beside(left: Image.Image, right: Image.Image) -> Image.Image:
    both = Image.new(left.mode, (left.width + right.width, left.height))
    both.paste(left)
    both.paste(right, (left.width, 0))
    return both


def _above(top: Image.Image, bottom: Image.Image) -> Image.Image:
    both = Image.new(top.mode, (top.width, top.height + bottom.height))
    both.paste(top)
    both.paste(bottom, (0, top.height))
    return both
