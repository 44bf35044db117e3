"""`make check-memory PHOTOS=folder`: a worker's memory at its peak, and over many images.

Prints one JSON line, and fails where a limit is passed. Linux only; some ten minutes.
"""

import io
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from infra.benchmarks.cost import photographs
from infra.benchmarks.cost_cases import Case, as_file, watermark
from infra.benchmarks.measuring import in_child, measure, resident, write_files
from shared.errors import OperatorError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Effort, Options, Watermark
from workers.imaging import process
from workers.imaging.formats.probe import probe

_MB = 1_000_000
_LARGE = 50.0  # megapixels
_QUALITY = 82
LIMITS = {
    ImageType.JPG: 600,
    ImageType.WEBP: 600,
    ImageType.PNG: 600,
    ImageType.AVIF: 1500,
}  # MB in all

_IMAGES, _SETTLED = 500, 50
_MOST_GROWTH = 0.10
_KINDS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP")
_SIZES = (0.02, 0.1, 0.3, 1.0)  # megapixels


def main(folder: str) -> dict[str, Any]:
    """Peaks in MB by format, and resident MB after 50 and after 500 images."""
    paths = photographs(folder)
    peaks = {to.value: _peak(paths, to) for to in LIMITS}
    after, later = in_child(residents, paths, (_SETTLED, _IMAGES), _SIZES)
    return {
        "photograph_megapixels": _LARGE,
        "peak_mb": peaks,
        "limit_mb": {to.value: limit for to, limit in LIMITS.items()},
        "resident_mb_after_50": round(after / _MB, 1),
        "resident_mb_after_500": round(later / _MB, 1),
        "growth": round(later / after - 1, 3),
    }


def faults(figures: dict[str, Any]) -> list[str]:
    """What of the figures of `main` is over its limit, a sentence each."""
    over = [
        f"50 megapixels to {to} took {peak} MB; {figures['limit_mb'][to]} are allowed"
        for to, peak in figures["peak_mb"].items()
        if peak > figures["limit_mb"][to]
    ]
    if figures["growth"] > _MOST_GROWTH:
        over.append(f"Memory grew by {figures['growth']:.1%} from the 50th to the 500th image")
    return over


def _peak(paths: Sequence[Path], to: ImageType) -> float:
    """MB that a worker holds at the most for a large photograph: the most detailed of all."""
    detailed = max(paths, key=_bytes_a_pixel)
    case = Case(detailed, "JPEG", _LARGE, 92, False, Options(to, _QUALITY), Effort.BALANCED)
    with tempfile.TemporaryDirectory() as folder:
        in_child(write_files, case, Path(folder))
        row = in_child(measure, case, Path(folder))
    peak: int = row["base"] + row["memory"]
    return round(peak / _MB, 1)


def _bytes_a_pixel(path: Path) -> float:
    image = Image.open(path).convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.tell() / (image.width * image.height)


def residents(
    paths: Sequence[Path], marks: Sequence[int], sizes: Sequence[float]
) -> tuple[int, ...]:
    """Resident bytes of this process after each so many images of all types to all formats.

    The uploads are made by other processes: what their making leaves behind is not the worker's.
    """
    chance = random.Random(1)  # noqa: S311 - nothing secret
    uploads = [
        in_child(as_file, chance.choice(paths), kind, size, 85, kind == "GIF")
        for kind in _KINDS
        for size in sizes
    ]
    mark, seen = watermark(), []
    for number in range(1, max(marks) + 1):
        data = chance.choice(uploads)
        process(data, probe(data), _options(chance), mark, Effort.BALANCED)
        if number in marks:
            seen.append(resident("VmRSS"))
    return tuple(seen)


def _options(chance: random.Random) -> Options:
    return Options(
        format=chance.choice(list(OUTPUT_TYPES)),
        quality=chance.randint(40, 100),
        max_width=chance.choice((None, 100, 400)),
        watermark=chance.choice((None, Watermark())),
    )


if __name__ == "__main__":
    try:
        found = main(*sys.argv[1:])
    except OperatorError as error:
        sys.exit(error.message)
    print(json.dumps(found))
    if sentences := faults(found):
        sys.exit("\n".join(sentences))
