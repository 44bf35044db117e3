"""The pictures that everything is measured with, from any folder of photographs."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from shared.errors import OperatorError, UnsupportedImageError
from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.imaging import process
from workers.imaging.formats.probe import probe


@dataclass(frozen=True)
class Picture:
    """Upright sRGB pixels in RGB; `name` is the file's."""

    name: str
    image: Image.Image

    @property
    def megapixels(self) -> float:
        return self.image.width * self.image.height / 1e6


def load(folder: Path, side: int, limit: int | None = None) -> list[Picture]:
    """The folder's images as the engine decodes them, scaled down to fit `side` x `side` pixels.

    side: 0 leaves them at full size. limit: at most so many, evenly spread over the folder.
    What is no image is passed over; raises OperatorError where nothing is left.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.is_file()]
    found = [picture for path in paths for picture in _read(path, side)]
    if not found:
        raise OperatorError(f"There are no photographs in {folder}")
    count = min(limit or len(found), len(found))
    return [found[place * len(found) // count] for place in range(count)]


def _read(path: Path, side: int) -> Iterator[Picture]:
    data = path.read_bytes()
    try:
        header = probe(data)
    except UnsupportedImageError:
        return
    # By way of a lossless file, so that it is the engine's own road from upload to pixels.
    options = Options(format=ImageType.PNG, max_width=side or None, max_height=side or None)
    made = process(data, header, options, None, Effort.FAST)
    with Image.open(io.BytesIO(made.data)) as image:
        yield Picture(path.name, _on_white(image))


def _on_white(image: Image.Image) -> Image.Image:
    """RGB for all, as JPEG holds no alpha and SSIMULACRA2 judges none."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    above = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), above).convert("RGB")


def tiled(image: Image.Image, width: int, height: int) -> Image.Image:
    """A picture of that size in pixels with this one's fine detail: copies, mirrored edge to edge.

    Enlarging instead would leave a decoder with almost nothing to do.
    """
    pair = _beside(image, ImageOps.mirror(image))
    block = _above(pair, ImageOps.flip(pair))
    canvas = Image.new(image.mode, (width, height))
    for top in range(0, height, block.height):
        for left in range(0, width, block.width):
            canvas.paste(block, (left, top))
    return canvas


def jpeg(image: Image.Image) -> bytes:
    """The picture as a camera would store it: JPEG of quality 90, baseline."""
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
