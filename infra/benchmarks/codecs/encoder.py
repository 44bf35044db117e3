"""What the measurements hold of any encoder, ours or another's."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

_T = TypeVar("_T")


@dataclass(frozen=True)
class Made:
    """One encoded file, and the CPU seconds that the encode took in all threads of its process."""

    data: bytes
    cpu: float


@dataclass(frozen=True)
class Encoder:
    """One way to a file: `encode` takes an RGB picture and a number of its own scale.

    name: unique among those measured together. format: webp, avif, jpg or png.
    numbers: the points of its scale to measure at.
    """

    name: str
    format: str
    numbers: Sequence[int]
    encode: Callable[[Image.Image, int], Made]


@dataclass(frozen=True)
class Point:
    """One picture by one encoder at one number: `size` in bytes, SSIMULACRA2's `score`."""

    encoder: str
    picture: str
    number: int
    size: int
    cpu: float
    score: float


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """What the work gives, and the CPU seconds that this process spent on it."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def interleaved(encoders: Sequence[Encoder]) -> Iterator[tuple[Encoder, int]]:
    """Every encoder at every number, taking turns, so that a noisy moment hits all alike."""
    longest = max((len(encoder.numbers) for encoder in encoders), default=0)
    for turn in range(longest):
        for encoder in encoders:
            if turn < len(encoder.numbers):
                yield encoder, encoder.numbers[turn]
