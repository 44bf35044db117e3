"""SSIMULACRA2, on all usable cores: 100 is equal, 90 not to be told apart, 70 good, 50 middling.

The Python port gives up to a point less than the original at low scores; all sides alike.
"""

import hashlib
import io
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from infra.commands.up import usable_cores


class Scorer:
    """Scores in other processes; never call it while something is being timed."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def of_files(self, reference: Image.Image, files: Sequence[bytes]) -> list[float]:
        """How near each encoded file comes to the reference, decoded by Pillow.

        Equal files are looked at once: some efforts share an encoder.
        """
        bitmap = _bitmap(reference)
        different = {hashlib.sha256(data).digest(): data for data in files}
        jobs = {key: self._pool.submit(_score, bitmap, data) for key, data in different.items()}
        scores = {key: job.result() for key, job in jobs.items()}
        return [scores[hashlib.sha256(data).digest()] for data in files]

    def of_pixels(self, reference: Image.Image, others: Sequence[Image.Image]) -> list[float]:
        """The same for pictures that are decoded already."""
        return self.of_files(reference, [_bitmap(other) for other in others])


@contextmanager
def scorer() -> Iterator[Scorer]:
    """A scorer with a process a usable core; they end with the context."""
    # Not by fork: the codecs' threads are in this process, and a fork would lose them midway.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(usable_cores(), mp_context=fresh) as pool:
        yield Scorer(pool)


def _score(reference: bytes, data: bytes) -> float:
    with Image.open(io.BytesIO(data)) as image:
        seen = _bitmap(image)
    return float(compute_ssimulacra2(io.BytesIO(reference), io.BytesIO(seen)))


def _bitmap(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "BMP")
    return out.getvalue()
