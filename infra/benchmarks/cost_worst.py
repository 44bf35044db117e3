"""`make bench-cost-worst`: searches for pixels that cost more than `workers.cost` says they can.

Draws pixels that encoders find hard (`cost_pixels`) in every format, effort, quality and type of
upload, runs each in a process of its own, and prints one JSON line: per mode, the highest ratio of
measured to highest possible cost, and the case. All must be 1 at most, or it exits with 1.
Prints each case to stderr too, as a JSON line. Linux only, because the peak memory of a process
is read from /proc.
"""

import io
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
import pillow_heif
from PIL import Image

from infra.benchmarks.cost_pixels import KINDS, make
from infra.benchmarks.measuring import in_child, measure, write_files
from shared.errors import OperatorError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import DescriptionRequest, Effort, Options, Watermark

pillow_heif.register_heif_opener()

# Types of upload by Pillow's name, and what they are written with.
_TYPES: dict[str, dict[str, Any]] = {
    "BMP": {},
    "PNG": {"compress_level": 1},
    "JPEG": {"quality": 94, "subsampling": "4:4:4"},
    "WEBP": {"quality": 100, "method": 0},
    "WEBP lossless": {"lossless": True, "quality": 0, "method": 0},
    "AVIF": {"quality": 95, "speed": 10, "max_threads": 1},
    "HEIF": {"quality": 95},
    "TIFF": {"compression": "tiff_lzw"},
    "GIF": {},
}
_WITH_ALPHA = ("PNG", "WEBP", "WEBP lossless", "TIFF", "AVIF")
_COPIES = ("BMP", "PNG")  # hold any pixels as they are
_SLOW_TYPES = ("AVIF", "HEIF")  # to write
_ANIMATED = ("GIF", "WEBP", "WEBP lossless")

# Megapixels. Large ones find what grows with the size, and are rare, as they take minutes.
_MEGAPIXELS = {0.05: 4, 0.25: 8, 1.0: 8, 3.0: 4, 9.5: 1, 13.0: 1, 25.0: 1, 33.0: 1}
_SLOW_MAX_MEGAPIXELS = 3.0  # of AVIF at effort `small`
_SLOW_TYPE_MAX_MEGAPIXELS = 1.0
_ANIMATION_MAX_MEGAPIXELS = 0.25  # of a frame
_FRAMES = 12
_QUALITIES = (60, 82, 95, 97, 100)
_SIDES = {None: 8, 1000: 1}

# Smaller differences count as none.
_IGNORED_BYTES, _IGNORED_SECONDS = 8 << 20, 0.05


@dataclass(frozen=True)
class WorstCase:
    """One upload and what is asked of it. pixels: one of `KINDS`. kind: one of `_TYPES`."""

    pixels: str
    width: int
    height: int
    seed: int
    kind: str
    frames: int
    options: Options
    effort: Effort

    def upload(self) -> bytes:
        """The uploaded file."""
        return self._file(self.width, self.height)

    def tiny(self) -> bytes:
        """A tiny file of the same type."""
        return self._file(100, 100)

    def to_json(self) -> dict[str, Any]:
        """The case as JSON values."""
        return {
            "content": self.pixels,
            "kind": self.kind,
            "frames": self.frames,
            "seed": self.seed,
            "effort": self.effort.value,
            **self.options.to_json(),
        }

    def mode(self) -> str:
        """What the highest ratio is printed for."""
        moves = " animation" if self.frames > 1 else ""
        return f"{self.options.format.value}{moves} {self.effort.value}"

    def _file(self, width: int, height: int) -> bytes:
        frames = [self._frame(index, width, height) for index in range(self.frames)]
        out, settings = io.BytesIO(), dict(_TYPES[self.kind])
        if self.frames > 1:
            settings |= {"save_all": True, "append_images": frames[1:], "duration": 50}
        frames[0].save(out, self.kind.split()[0], **settings)
        return out.getvalue()

    def _frame(self, index: int, width: int, height: int) -> Image.Image:
        image = make(self.pixels, width, height, self.seed + index)
        if self.kind not in _WITH_ALPHA:
            image = image.convert("RGB")
        return image.quantize(256, Image.Quantize.FASTOCTREE) if self.kind == "GIF" else image


def main(count: str = "300", seed: str = "1") -> dict[str, Any]:
    """By mode, the highest ratios of `count` random cases and the cases that have them."""
    rows = list(_rows(draw(int(count), int(seed))))
    modes = sorted({row["mode"] for row in rows})
    return {mode: _highest([row for row in rows if row["mode"] == mode]) for mode in modes}


def draw(count: int, seed: int) -> list[WorstCase]:
    """That many random cases, the same for the same seed, with every format equally often."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    formats = list(OUTPUT_TYPES)
    return [_draw_one(chance, formats[index % len(formats)]) for index in range(count)]


def _draw_one(chance: random.Random, to: ImageType) -> WorstCase:
    def pick(weights: dict[Any, int]) -> Any:
        return chance.choices(list(weights), list(weights.values()))[0]

    effort, megapixels = chance.choice(list(Effort)), pick(_MEGAPIXELS)
    kind = chance.choice(_COPIES if chance.random() < 0.6 else list(_TYPES))
    frames = 1
    if kind in _ANIMATED and to.facts.writes_animation and chance.random() < 0.7:
        frames, megapixels = _FRAMES, min(megapixels, _ANIMATION_MAX_MEGAPIXELS)
    if to is ImageType.AVIF and effort is Effort.SMALL:
        megapixels = min(megapixels, _SLOW_MAX_MEGAPIXELS)
    if kind in _SLOW_TYPES:
        megapixels = min(megapixels, _SLOW_TYPE_MAX_MEGAPIXELS)
    ratio = chance.choice((1.0, 1.0, 4.0, 0.25))
    width, height = (round((megapixels * 1e6 * part) ** 0.5) for part in (ratio, 1 / ratio))
    options = Options(
        to,
        chance.choice(_QUALITIES),
        pick(_SIDES),
        None,
        Watermark() if chance.random() < 0.1 else None,
        DescriptionRequest(alt_text=True, file_name=False) if chance.random() < 0.1 else None,
    )
    pixels = chance.choice(list(KINDS))
    return WorstCase(pixels, width, height, chance.randrange(1000), kind, frames, options, effort)


def _rows(cases: Sequence[WorstCase]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for case in cases:
            in_child(write_files, case, path)
            row = {"mode": case.mode()} | case.to_json() | in_child(measure, case, path)
            memory = _ratio(row["memory"], row["memory_bound"], _IGNORED_BYTES)
            row |= {"memory_ratio": memory}
            row |= {"cpu_ratio": _ratio(row["cpu"], row["cpu_bound"], _IGNORED_SECONDS)}
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row


def _ratio(measured: float, bound: float, ignored: float) -> float:
    return round(max(0.0, measured - ignored) / bound, 3)


def _highest(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"cases": len(rows)} | {
        what: _case(max(rows, key=partial(_value, what))) for what in ("memory_ratio", "cpu_ratio")
    }


def _value(what: str, row: dict[str, Any]) -> float:
    return float(row[what])


def _case(row: dict[str, Any]) -> dict[str, Any]:
    names = ("content", "kind", "pixels_out", "quality", "memory_ratio", "cpu_ratio")
    return {name: row[name] for name in names if name in row}


if __name__ == "__main__":
    try:
        found = main(*sys.argv[1:])
    except OperatorError as error:
        sys.exit(error.message)
    print(json.dumps(found))
    if any(one[what][what] > 1 for one in found.values() for what in ("memory_ratio", "cpu_ratio")):
        sys.exit("Some images cost more than their estimates say they can")
