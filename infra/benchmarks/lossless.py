"""`make bench-lossless PICTURES=folder`: how well WebP chooses between lossy and lossless.

Encodes every picture below a folder at several qualities. Prints a JSON line per quality: of the
lossy results, how many are larger than their lossless form, and their CPU in all over that of
lossy alone, which is what the choice costs where it was in vain.
"""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from infra.benchmarks.codecs.encoder import timed
from shared.errors import FluximageError, OperatorError
from shared.models import Effort, Encoding
from workers.imaging.colour.convert import to_plain
from workers.imaging.decoding.decode import decode
from workers.imaging.encoding import webp
from workers.imaging.encoding.quality import to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings
from workers.imaging.formats.probe import probe

_QUALITIES = (40, 60, 82, 90)


def main(folder: str) -> Iterator[dict[str, Any]]:
    """The figures for each quality; raises OperatorError if the folder holds no pictures."""
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    pictures = [image for path in paths for image in _read(path)]
    if not pictures:
        raise OperatorError(f"There are no pictures in {folder}")
    sizes = [len(webp.lossless(image, Effort.BALANCED)) for image in pictures]
    for quality in _QUALITIES:
        yield _figures(quality, pictures, sizes)


def _figures(quality: int, pictures: list[Image.Image], sizes: list[int]) -> dict[str, Any]:
    settings = EncoderSettings(quality, Effort.BALANCED)
    encoder_quality = to_encoder_quality(quality, "webp")
    lossy = larger = 0
    all_cpu = lossy_cpu = 0.0
    for image, lossless_bytes in zip(pictures, sizes, strict=True):
        chosen, cpu = timed(partial(webp.encode, image, settings))
        if chosen.encoding is Encoding.LOSSLESS:
            continue
        _, alone = timed(partial(webp.lossy, image, encoder_quality))
        lossy, larger = lossy + 1, larger + (len(chosen.data) > lossless_bytes)
        all_cpu, lossy_cpu = all_cpu + cpu, lossy_cpu + alone
    return {
        "quality": quality,
        "pictures": len(pictures),
        "lossy": lossy,
        "larger_than_lossless": larger,
        "cpu_over_lossy_alone": round(all_cpu / lossy_cpu, 2) if lossy else None,
    }


def _read(path: Path) -> Iterator[Image.Image]:
    """The picture as it reaches the encoder, if it is one and small enough for lossless."""
    data = path.read_bytes()
    try:
        image = to_plain(decode(data, probe(data)).image)
    except FluximageError:
        return
    if image.width * image.height <= webp.LOSSLESS_MAX_PIXELS:
        yield image.convert("RGBA" if image.mode.endswith("A") else "RGB")


if __name__ == "__main__":
    try:
        for figures in main(*sys.argv[1:]):
            print(json.dumps(figures), flush=True)
    except OperatorError as error:
        sys.exit(error.message)
