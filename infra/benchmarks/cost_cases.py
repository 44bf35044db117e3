"""The uploads and options that `make bench-cost` and `make check-memory` measure with."""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
import pillow_heif
from PIL import Image

from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Effort, Options, Watermark

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None

# The weights of what is drawn. Large images are rare, so that a run does not take too long.
_TYPES = {"JPEG": 54, "PNG": 14, "WEBP": 10, "AVIF": 6, "HEIF": 6, "TIFF": 3, "BMP": 2, "GIF": 5}
_MEGAPIXELS = {0.3: 30, 1.0: 30, 3.0: 18, 6.0: 10, 12.0: 7, 24.0: 4, 50.0: 1}
_SIDES = {None: 3, 1600: 1, 800: 1}
_EFFORTS = {Effort.BALANCED: 3, Effort.FAST: 1, Effort.SMALL: 1}
_QUALITIES = (60, 82, 95)
_UPLOAD_QUALITIES = (75, 85, 92)
_SMALL_EFFORT_MAX_MEGAPIXELS = 12.0  # larger images take minutes at effort `small`
_ANIMATION_MAX_MEGAPIXELS = 1.0  # per frame
_FRAMES = 12
_PAN_PIXELS = 8  # from one frame to the next


@dataclass(frozen=True)
class Case:
    """One upload and what is asked of it. kind: Pillow's name of the upload's type."""

    photograph: Path
    kind: str
    megapixels: float
    upload_quality: int
    is_animated: bool
    options: Options
    effort: Effort

    def upload(self) -> bytes:
        """The uploaded file."""
        return as_file(
            self.photograph, self.kind, self.megapixels, self.upload_quality, self.is_animated
        )

    def tiny(self) -> bytes:
        """A tiny file of the same type, to warm up a process."""
        return as_file(self.photograph, self.kind, 0.01, self.upload_quality, self.is_animated)

    def to_json(self) -> dict[str, Any]:
        """The case as JSON values."""
        return {
            "photograph": self.photograph.name,
            "kind": self.kind,
            "megapixels": self.megapixels,
            "upload_quality": self.upload_quality,
            "moves": self.is_animated,
            "effort": self.effort.value,
            **self.options.to_json(),
        }


def draw(photographs: Sequence[Path], count: int, seed: int) -> list[Case]:
    """That many random cases, the same for the same seed, with every format equally often."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    formats = list(OUTPUT_TYPES)
    return [_draw_one(chance, photographs, formats[index % len(formats)]) for index in range(count)]


def _draw_one(chance: random.Random, photographs: Sequence[Path], to: ImageType) -> Case:
    def pick(weights: dict[Any, int]) -> Any:
        return chance.choices(list(weights), list(weights.values()))[0]

    kind, effort, side = pick(_TYPES), pick(_EFFORTS), pick(_SIDES)
    megapixels = pick(_MEGAPIXELS)
    is_animated = kind == "GIF" or (kind == "WEBP" and chance.random() < 0.25)
    if effort is Effort.SMALL:
        megapixels = min(megapixels, _SMALL_EFFORT_MAX_MEGAPIXELS)
    if is_animated:
        megapixels = min(megapixels, _ANIMATION_MAX_MEGAPIXELS)
    mark = Watermark() if chance.random() < 0.1 else None
    options = Options(to, chance.choice(_QUALITIES), side, None, mark)
    quality = chance.choice(_UPLOAD_QUALITIES)
    photograph = chance.choice(photographs)
    return Case(photograph, kind, megapixels, quality, is_animated, options, effort)


def as_file(
    photograph: Path, kind: str, megapixels: float, quality: int, is_animated: bool
) -> bytes:
    """The photograph at about that size in that type of file; an animation pans over it."""
    image = sized(Image.open(photograph), megapixels)
    out = io.BytesIO()
    if is_animated:
        image = image.convert("RGB")
        frames = [_panned(image, index * _PAN_PIXELS) for index in range(_FRAMES)]
        if kind == "GIF":
            frames = [frame.quantize(256) for frame in frames]
        frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=80, loop=0)
    elif kind == "PNG" or kind == "TIFF":
        image.save(out, kind)
    elif kind == "JPEG":
        image = image.convert("RGB")
        image.save(out, kind, quality=quality, progressive=quality < 90)
    else:
        image.convert("RGB").save(out, kind, quality=quality)
    return out.getvalue()


def sized(image: Image.Image, megapixels: float) -> Image.Image:
    """Scaled down, or repeated in mirrored tiles, because scaling up would add no detail."""
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    width, height = (max(1, round(side * factor)) for side in image.size)
    if factor <= 1:
        return image.resize((width, height), Image.Resampling.LANCZOS)
    tiled = Image.new(image.mode, (width, height))
    for left in range(0, width, image.width):
        for top in range(0, height, image.height):
            tile = image
            if left // image.width % 2:
                tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            if top // image.height % 2:
                tile = tile.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
            tiled.paste(tile, (left, top))
    return tiled


def _panned(image: Image.Image, pixels: int) -> Image.Image:
    panned = Image.new(image.mode, image.size)
    panned.paste(image, (-pixels, 0))
    panned.paste(image, (image.width - pixels, 0))
    return panned


def watermark() -> bytes:
    """A PNG of 400 x 200 pixels, half transparent."""
    out = io.BytesIO()
    Image.new("RGBA", (400, 200), (255, 255, 255, 128)).save(out, "PNG")
    return out.getvalue()
