"""The steps that one image goes through, in order."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from shared.errors import ImageError
from shared.models import Effort, Encoding, Options, Probe
from workers.imaging.animation import animate
from workers.imaging.colour import to_plain, to_srgb
from workers.imaging.decode import decode
from workers.imaging.encode import encode
from workers.imaging.encoded import Encoded
from workers.imaging.orient import upright
from workers.imaging.resize import resize
from workers.imaging.watermark import lay


@dataclass(frozen=True)
class Output:
    """One finished image.

    data: the encoded file, without any metadata. encoding: the road taken to it.
    width, height: its pixels.
    seconds: wall time of `decode`, `resize` (colour and orientation with it), `watermark` and
        `encode`. cpu_seconds: CPU time of the process over the whole call.
    warnings: (code, sentence) of what the client should know.
    """

    data: bytes
    encoding: Encoding
    width: int
    height: int
    watermarked: bool
    seconds: dict[str, float]
    cpu_seconds: float
    warnings: tuple[tuple[str, str], ...]


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
    own: a process does one image at a time. The scaling comes before the turning and the
    colours, so that these touch the small picture and not the large one.
    """
    started = time.process_time()
    seconds: dict[str, float] = {}
    moves = probe.moves and options.format.moves
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it can live with, broken EXIF above all.
            warnings.simplefilter("ignore")
            road = animate if moves else _still
            encoded, size = road(data, probe, options, watermark, effort, partial(_timed, seconds))
    except MemoryError:
        # Never to leave a task: it would take the whole worker down, not this image alone.
        raise ImageError("This image needs more memory than there is") from None
    return Output(
        data=encoded.data,
        encoding=encoded.encoding,
        width=size[0],
        height=size[1],
        watermarked=watermark is not None and options.watermark is not None,
        seconds=seconds,
        cpu_seconds=time.process_time() - started,
        warnings=() if moves else _warnings(probe),
    )


def _still(
    data: bytes,
    probe: Probe,
    options: Options,
    watermark: bytes | None,
    effort: Effort,
    timed: Callable[[str], AbstractContextManager[None]],
) -> tuple[Encoded, tuple[int, int]]:
    """The first frame and its width and height."""
    with timed("decode"):
        source = decode(data, probe, options.max_width, options.max_height)
    with timed("resize"):
        image = to_plain(source.image)
        image = resize(image, source, options.max_width, options.max_height)
        image = upright(image, source.orientation)
        image = to_srgb(image)
    with timed("watermark"):
        if watermark is not None and options.watermark is not None:
            image = lay(image, watermark, options.watermark)
    with timed("encode"):
        return encode(image, options.format, options.quality, effort), image.size


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Add the wall time of one step, which an animation goes through once a frame."""
    started = time.perf_counter()
    yield
    seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - started


def _warnings(probe: Probe) -> tuple[tuple[str, str], ...]:
    if probe.frames == 1:
        return ()
    return (("animation_flattened", f"Only the first of the {probe.frames} frames was used"),)
