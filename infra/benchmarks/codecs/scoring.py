"""SSIMULACRA2 scores, on all usable cores.

100 is identical, 90 looks identical, 70 is high and 50 medium quality. At low scores the Python
port returns up to a point less than the original, for all encoders alike.
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

from infra.processes import usable_cores


class Scorer:
    """Scores in other processes. Do not call it while something is being timed."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def of_files(self, reference: Image.Image, files: Sequence[bytes]) -> list[float]:
        """The score of each encoded file against the reference, decoded by Pillow.

        Identical files are scored once: some efforts share an encoder.
        """
        bitmap = _bitmap(reference)
        different = {hashlib.sha256(data).digest(): data for data in files}
        jobs = {key: self._pool.submit(_score, bitmap, data) for key, data in different.items()}
        scores = {key: job.result() for key, job in jobs.items()}
        return [scores[hashlib.sha256(data).digest()] for data in files]

    def of_pixels(self, reference: Image.Image, others: Sequence[Image.Image]) -> list[float]:
        """The same for decoded pictures."""
        return self.of_files(reference, [_bitmap(other) for other in others])


@contextmanager
def start_scorer() -> Iterator[Scorer]:
    """A scorer with one process per usable core, which end with the context."""
    # Not by fork, which would not copy the threads that the codecs run in this process.
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
