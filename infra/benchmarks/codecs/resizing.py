"""A large JPEG to a small picture: the CPU of decoding and resizing, and the score."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from infra.benchmarks.codecs.encoder import timed
from infra.benchmarks.codecs.pictures import Picture, jpeg, tiled
from infra.benchmarks.codecs.scoring import Scorer
from infra.benchmarks.codecs.sharp import Sharp
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import probe
from workers.imaging.transform.resize import resize

SIZE = (6000, 4000)  # pixels: 24 megapixels, as most cameras make
WIDTH = 1600  # pixels, as in `make bench`
_TIMES = 5

_Resizer = Callable[[], tuple[Image.Image, float]]


def measure(
    picture: Picture, scorer: Scorer, sharp: Sharp | None, size: tuple[int, int] = SIZE
) -> dict[str, Any]:
    """CPU seconds (the median of five runs in turns) and score, of us and of sharp.

    The reference is the same JPEG, decoded at full size and resized by Lanczos in floating point.
    """
    data = jpeg(tiled(picture.image, *size))
    width = min(WIDTH, size[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.jpg"
        path.write_bytes(data)
        sides: dict[str, _Resizer] = {"ours": lambda: _by_us(data, width)}
        if sharp is not None:
            node = sharp
            sides["sharp"] = lambda: node.resize(path, width)
        runs = [{name: run() for name, run in sides.items()} for _ in range(_TIMES)]
    images = [runs[0][name][0] for name in sides]
    scores = scorer.of_pixels(_reference(data, width), images)
    cpu = {name: median(run[name][1] for run in runs) for name in sides}
    return {
        "from": list(size),
        "to_width": width,
        "cpu_seconds": cpu,
        "cpu_ratio": cpu["ours"] / cpu["sharp"] if sharp else None,
        "scores": dict(zip(sides, scores, strict=True)),
    }


def _by_us(data: bytes, width: int) -> tuple[Image.Image, float]:
    def run() -> Image.Image:
        source = decode(data, probe(data), width, None)
        return resize(source.image, source, width, None)

    return timed(run)


def _reference(data: bytes, width: int) -> Image.Image:
    """Without scaled decoding, without a reducing gap, and without rounding before the end."""
    with Image.open(io.BytesIO(data)) as image:
        size = (width, round(image.height * width / image.width))
        wide = [channel.convert("F") for channel in image.convert("RGB").split()]
    small = [channel.resize(size, Image.Resampling.LANCZOS) for channel in wide]
    # Pillow clips at 0 and 255 here, but truncates instead of rounding.
    rounded = [channel.point(lambda value: value * 1 + 0.5).convert("L") for channel in small]
    return Image.merge("RGB", rounded)
