"""How results look: their scores, and the quality at which another encoder looks the same."""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import fmean

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
import pillow_heif
from PIL import Image, ImageCms, ImageOps

from fluximage import Source
from infra.benchmarks.codecs.pictures import on_white
from infra.benchmarks.codecs.scoring import Scorer
from infra.processes import usable_cores

MIN_QUALITY, MAX_QUALITY = 1, 100  # of sharp and imgproxy

pillow_heif.register_heif_opener()


class Looks:
    """SSIMULACRA2 against the upload, which Pillow decodes at full size and scales by Lanczos.

    So neither side's own decoder or resizer is the reference.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._references: dict[tuple[str, tuple[int, int]], Image.Image] = {}

    def mean(self, uploads: Sequence[Source], files: Sequence[bytes]) -> float:
        """The mean score of results, one per upload, on all usable cores."""
        with ThreadPoolExecutor(usable_cores()) as pool:
            return fmean(pool.map(self._score, uploads, files))

    def _score(self, upload: Source, file: bytes) -> float:
        with Image.open(io.BytesIO(file)) as image:
            seen = on_white(image)
        return self._scorer.of_pixels(self._reference(upload, seen.size), [seen])[0]

    def _reference(self, upload: Source, size: tuple[int, int]) -> Image.Image:
        key = upload.name, size
        if key not in self._references:
            self._references[key] = _decoded(upload).resize(size, Image.Resampling.LANCZOS)
        return self._references[key]


def _decoded(upload: Source) -> Image.Image:
    """The upload upright, in sRGB, on white."""
    content = upload.content
    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as image:
        upright = ImageOps.exif_transpose(image)
        profile = image.info.get("icc_profile")
    if profile and upright.mode in ("RGB", "RGBA"):
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        ImageCms.profileToProfile(upright, own, srgb, inPlace=True)
    return on_white(upright)


def nearest_quality(score: Callable[[int], float], wanted: float) -> int:
    """The quality of 1 to 100 whose score is nearest to `wanted`, by bisection.

    `score` rises with the quality; it is called about seven times, once at most for each.
    """
    known = cache(score)
    low, high = MIN_QUALITY, MAX_QUALITY
    while high - low > 1:
        middle = (low + high) // 2
        if known(middle) < wanted:
            low = middle
        else:
            high = middle
    return min(low, high, key=lambda quality: abs(known(quality) - wanted))
