"""The road of an animation: each frame through all steps before the next is decoded."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Protocol

from PIL import Image

from shared.errors import CorruptImageError
from shared.models import Effort, Format, Options, Probe
from workers.imaging.animation import gif, webp_in
from workers.imaging.animation.avif_out import AvifAnimation
from workers.imaging.animation.frames import Motion
from workers.imaging.animation.original import Original
from workers.imaging.animation.webp_out import WebpAnimation
from workers.imaging.colour import to_srgb
from workers.imaging.decode import DAMAGE, Source
from workers.imaging.encode import check_sides
from workers.imaging.encoded import Encoded
from workers.imaging.orient import upright
from workers.imaging.resize import resize
from workers.imaging.watermark import fitted

# Browsers give a frame of 10 ms or less these 100: Blink, WebKit and Gecko alike, in every format
# (https://webkit.org/b/36082). Said outright, every other player shows it so too.
_HASTY_MS = 10
_CALM_MS = 100

_Timed = Callable[[str], AbstractContextManager[None]]


class _Animation(Protocol):
    """An encoder that is fed frame by frame."""

    def add(self, image: Image.Image, ms: int) -> None: ...
    def finish(self) -> Encoded: ...


_READERS: dict[str, Callable[[bytes, Probe], Motion]] = {"GIF": gif.read, "WEBP": webp_in.read}
_WRITERS: dict[Format, Callable[[tuple[int, int], int, Effort, int], _Animation]] = {
    Format.WEBP: WebpAnimation,
    Format.AVIF: AvifAnimation,
}


def animate(
    data: bytes,
    probe: Probe,
    options: Options,
    watermark: bytes | None,
    effort: Effort,
    timed: _Timed,
) -> tuple[Encoded, tuple[int, int]]:
    """All frames of a GIF or WebP as one WebP or AVIF, and its width and height in pixels.

    timed: notes what a step takes, by its name. Raises CorruptImageError where a frame does not
    decode whole, TooLargeForFormatError, and ImageError for a broken watermark.
    """
    with timed("decode"), _whole(probe.kind):
        motion = _READERS[probe.kind](data, probe)
    original = None
    if (
        probe.kind == "WEBP"
        and options.format is Format.WEBP
        and not (watermark and options.watermark)
    ):
        original = Original(data, probe, motion.plays)
    pictures = _pictures(motion, probe.kind, options, timed, original)
    first, first_ms = next(pictures)
    check_sides(first.size, options.format)
    with timed("watermark"):
        mark = None
        if watermark is not None and options.watermark is not None:
            mark = fitted(watermark, options.watermark, first.size)
    writer = _WRITERS[options.format](first.size, options.quality, effort, motion.plays)
    for image, ms in chain([(first, first_ms)], pictures):
        with timed("watermark"):
            finished = mark.over(image) if mark else image
        with timed("encode"):
            writer.add(finished, ms)
    with timed("encode"):
        new = writer.finish()
        return (original.or_smaller(new) if original else new), first.size


def _pictures(
    motion: Motion, kind: str, options: Options, timed: _Timed, original: Original | None
) -> Iterator[tuple[Image.Image, int]]:
    """Each frame in the box, upright and in sRGB, with its time in milliseconds.

    original: told of each frame, and of what has become of it.
    """
    box = (0, 0, motion.width, motion.height)
    while True:
        with timed("decode"), _whole(kind):
            frame = next(motion.frames, None)
        if frame is None:
            return
        with timed("resize"):
            source = Source(frame.image, box, motion.width, motion.height, motion.orientation)
            image = resize(frame.image, source, options.max_width, options.max_height)
            image = to_srgb(upright(image, motion.orientation))
            ms = frame.ms if frame.ms > _HASTY_MS else _CALM_MS
            if original:
                original.follow(frame, image, ms)
        yield image, ms


@contextmanager
def _whole(kind: str) -> Iterator[None]:
    """What a decoder raises on damage, as the one error that clients are told."""
    try:
        yield
    except DAMAGE:
        raise CorruptImageError(f"This {kind} image is damaged or cut short") from None
