"""`make check-memory PHOTOS=folder`: a worker's peak memory, and its growth over many images.

Prints one JSON line, and fails if a limit is exceeded. Linux only; takes about ten minutes.
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
from shared.models import MAX_QUALITY, MIN_QUALITY, Effort, Options, Watermark
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe

_MB = 1_000_000
_LARGE_MEGAPIXELS = 50.0
LIMITS_MB = {
    ImageType.JPG: 600,
    ImageType.WEBP: 600,
    ImageType.PNG: 600,
    ImageType.AVIF: 1500,
}

_LARGE = [("JPEG", to) for to in LIMITS_MB]
_LARGE += [("WEBP", to) for to in (ImageType.JPG, ImageType.WEBP)]

_IMAGES, _SETTLED_IMAGES = 500, 50
_MAX_GROWTH = 0.10
_TYPES = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP")
_SIZES = (0.02, 0.1, 0.3, 1.0)  # megapixels


def main(folder: str) -> dict[str, Any]:
    """The peak in MB by type and format, and the resident MB after 50 and after 500 images."""
    paths = photographs(folder)
    peaks = {f"{kind} to {to}": _peak(paths, kind, to) for kind, to in _LARGE}
    after, later = in_child(residents, paths, (_SETTLED_IMAGES, _IMAGES), _SIZES)
    return {
        "photograph_megapixels": _LARGE_MEGAPIXELS,
        "peak_mb": peaks,
        "limit_mb": {to.value: limit for to, limit in LIMITS_MB.items()},
        "resident_mb_after_50": round(after / _MB, 1),
        "resident_mb_after_500": round(later / _MB, 1),
        "growth": round(later / after - 1, 3),
    }


def faults(figures: dict[str, Any]) -> list[str]:
    """A sentence for each of the figures of `main` that exceeds its limit."""
    over = [
        f"50 megapixels, {conversion}, took {peak} MB; {limit} are allowed"
        for conversion, peak in figures["peak_mb"].items()
        if peak > (limit := figures["limit_mb"][conversion.split()[-1]])
    ]
    if figures["growth"] > _MAX_GROWTH:
        over.append(f"Memory grew by {figures['growth']:.1%} from the 50th to the 500th image")
    return over


def _peak(paths: Sequence[Path], kind: str, to: ImageType) -> float:
    """The peak of a worker's resident memory in MB, for the most detailed photograph, enlarged."""
    detailed = max(paths, key=_bytes_per_pixel)
    case = Case(detailed, kind, _LARGE_MEGAPIXELS, 92, False, Options(to), Effort.BALANCED)
    with tempfile.TemporaryDirectory() as folder:
        in_child(write_files, case, Path(folder))
        row = in_child(measure, case, Path(folder))
    peak: int = row["base"] + row["memory"]
    return round(peak / _MB, 1)


def _bytes_per_pixel(path: Path) -> float:
    image = Image.open(path).convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.tell() / (image.width * image.height)


def residents(
    paths: Sequence[Path], counts: Sequence[int], sizes: Sequence[float]
) -> tuple[int, ...]:
    """Resident bytes of this process after each of these counts of images.

    Images of all types to all formats; sizes: in megapixels. Other processes make the uploads, so
    that their memory is not counted.
    """
    chance = random.Random(1)  # noqa: S311 - nothing secret
    uploads = [
        in_child(as_file, chance.choice(paths), kind, size, 85, kind == "GIF")
        for kind in _TYPES
        for size in sizes
    ]
    mark, found = watermark(), []
    for count in range(1, max(counts) + 1):
        data = chance.choice(uploads)
        process(ImageJob(data, probe(data), _options(chance), mark))
        if count in counts:
            found.append(resident("VmRSS"))
    return tuple(found)


def _options(chance: random.Random) -> Options:
    return Options(
        format=chance.choice(list(OUTPUT_TYPES)),
        quality=chance.randint(MIN_QUALITY, MAX_QUALITY),
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
