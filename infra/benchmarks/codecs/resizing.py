"""A large JPEG to a small picture: CPU of decoding and scaling, and what it costs in looks."""

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

SIZE = (6000, 4000)  # pixels: 24 megapixels, what most cameras give
WIDTH = 1600  # pixels, as in `make bench`
_TIMES = 5

_Scaler = Callable[[], tuple[Image.Image, float]]


def measure(
    picture: Picture, scorer: Scorer, sharp: Sharp | None, size: tuple[int, int] = SIZE
) -> dict[str, Any]:
    """CPU seconds (median of five turns, taken alternately) and score of each side.

    The score is against the same JPEG decoded whole and filtered by Lanczos in floating point.
    """
    data = jpeg(tiled(picture.image, *size))
    width = min(WIDTH, size[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.jpg"
        path.write_bytes(data)
        sides: dict[str, _Scaler] = {"ours": lambda: _ours(data, width)}
        if sharp is not None:
            rival = sharp
            sides["sharp"] = lambda: rival.resize(path, width)
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


def _ours(data: bytes, width: int) -> tuple[Image.Image, float]:
    def run() -> Image.Image:
        source = decode(data, probe(data), width, None)
        return resize(source.image, source, width, None)

    return timed(run)


def _reference(data: bytes, width: int) -> Image.Image:
    """No scaled decoding, no reducing beforehand, no rounding before the end."""
    with Image.open(io.BytesIO(data)) as image:
        size = (width, round(image.height * width / image.width))
        wide = [channel.convert("F") for channel in image.convert("RGB").split()]
    small = [channel.resize(size, Image.Resampling.LANCZOS) for channel in wide]
    # Pillow clips at 0 and 255 here, but cuts off what stands behind the point.
    rounded = [channel.point(lambda value: value * 1 + 0.5).convert("L") for channel in small]
    return Image.merge("RGB", rounded)
