"""One upload through the engine: the road that it takes, timed."""

import resource
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from shared.errors import ImageError, WarningCode
from shared.models import Effort, Encoding, Options, Probe
from workers.imaging.animation import animate
from workers.imaging.still import optimise


@dataclass(frozen=True)
class Output:
    """One finished image.

    data: the encoded file, without any metadata. encoding: the road taken to it.
    width, height: its pixels.
    preview: a JPEG of at most 768 pixels a side for a model to describe, upright, in sRGB and
        without the watermark; None where `options.description_request` is.
    seconds: wall time of `decode`, `preview` where there is one, `resize` (colour and orientation
        with it), `watermark` and `encode`.
    cpu_seconds: CPU time of the process over the whole call, its children's with it.
    warnings: (code, sentence) of what the client should know.
    """

    data: bytes
    encoding: Encoding
    width: int
    height: int
    watermarked: bool
    preview: bytes | None
    seconds: dict[str, float]
    cpu_seconds: float
    warnings: tuple[tuple[WarningCode, str], ...]


def process(
    data: bytes,
    probe: Probe,
    options: Options,
    watermark: bytes | None,
    effort: Effort = Effort.BALANCED,
) -> Output:
    """Make of one upload what `options` ask.

    data: the whole file; probe: what its header said, already held against the limits;
    watermark: a PNG, laid over when `options.watermark` is set too.
    Raises ImageError: CorruptImageError for what does not decode, TooLargeForFormatError where
    a side is too long for the format, ImageError itself for a broken watermark or where memory
    ran out.

    CPU time is the process's and not the thread's, for the PNG encoder works in threads of its
    own: a process does one image at a time.
    """
    started = _cpu_seconds()
    seconds: dict[str, float] = {}
    moves = probe.is_animated and options.format.facts.writes_animation
    road = animate if moves else optimise
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it can live with, broken EXIF above all.
            warnings.simplefilter("ignore")
            finished = road(data, probe, options, watermark, effort, partial(_timed, seconds))
    except MemoryError:
        # Never to leave a task: it would take the whole worker down, not this image alone.
        raise ImageError("This image needs more memory than there is") from None
    return Output(
        data=finished.encoded.data,
        encoding=finished.encoded.encoding,
        width=finished.width,
        height=finished.height,
        watermarked=watermark is not None and options.watermark is not None,
        preview=finished.preview,
        seconds=seconds,
        cpu_seconds=_cpu_seconds() - started,
        warnings=() if moves else _warnings(probe),
    )


def _cpu_seconds() -> float:
    """CPU time so far; that of a child counts once it has ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Add the wall time of one step, which an animation goes through once a frame."""
    started = time.perf_counter()
    yield
    seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - started


def _warnings(probe: Probe) -> tuple[tuple[WarningCode, str], ...]:
    if probe.frames == 1:
        return ()
    message = f"Only the first of the {probe.frames} frames was used"
    return ((WarningCode.ANIMATION_FLATTENED, message),)
