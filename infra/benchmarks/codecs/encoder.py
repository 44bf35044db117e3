"""What the measurements know about any encoder, ours or sharp's."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

_T = TypeVar("_T")


@dataclass(frozen=True)
class EncodedFile:
    """One encoded file, and the CPU seconds of the encode over all threads of its process."""

    data: bytes
    cpu_seconds: float


@dataclass(frozen=True)
class Encoder:
    """One encoder: `encode` takes an RGB image and a quality.

    name: unique among those measured together. format: webp, avif, jpg or png.
    qualities: those to measure at; ours for the engine's encoders, else the encoder's own.
    """

    name: str
    format: str
    qualities: Sequence[int]
    encode: Callable[[Image.Image, int], EncodedFile]


@dataclass(frozen=True)
class Point:
    """One picture by one encoder at one quality: `size` in bytes, SSIMULACRA2's `score`."""

    encoder: str
    picture: str
    quality: int
    size: int
    cpu_seconds: float
    score: float


def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """Returns what the work returns, and the CPU seconds that this process spent on it."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def interleaved(encoders: Sequence[Encoder]) -> Iterator[tuple[Encoder, int]]:
    """Every encoder at every quality, in turns, so that a noisy moment hits all alike."""
    longest = max((len(encoder.qualities) for encoder in encoders), default=0)
    for turn in range(longest):
        for encoder in encoders:
            if turn < len(encoder.qualities):
                yield encoder, encoder.qualities[turn]
