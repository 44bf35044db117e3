"""The road of an animation: each frame through all steps before the next is decoded."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Protocol

from PIL import Image

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from shared.models import Effort, Options, Probe
from workers.imaging.animation import decode_gif, decode_webp
from workers.imaging.animation.encode_avif import AvifAnimation
from workers.imaging.animation.encode_webp import WebpAnimation
from workers.imaging.animation.frames import Frame, Motion
from workers.imaging.animation.passthrough import Original
from workers.imaging.colour.convert import to_srgb
from workers.imaging.decoding.decode import DAMAGE, Source
from workers.imaging.encoding.encode import check_sides
from workers.imaging.encoding.encoded import Encoded, Finished
from workers.imaging.preview import preview
from workers.imaging.transform.orient import upright
from workers.imaging.transform.resize import resize
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


_READERS: dict[ImageType, Callable[[bytes, Probe], Motion]] = {
    ImageType.GIF: decode_gif.read,
    ImageType.WEBP: decode_webp.read,
}
_WRITERS: dict[ImageType, Callable[[tuple[int, int], int, Effort, int], _Animation]] = {
    ImageType.WEBP: WebpAnimation,
    ImageType.AVIF: AvifAnimation,
}


def animate(
    data: bytes,
    probe: Probe,
    options: Options,
    watermark: bytes | None,
    effort: Effort,
    timed: _Timed,
) -> Finished:
    """All frames of a GIF or WebP as one WebP or AVIF; of the first a preview where asked.

    timed: notes what a step takes, by its name. Raises CorruptImageError where a frame does not
    decode whole, TooLargeForFormatError, and ImageError for a broken watermark.
    """
    with timed("decode"), _whole(probe.kind):
        motion = _READERS[probe.kind](data, probe)
    original = None
    if (
        probe.kind is ImageType.WEBP
        and options.format is ImageType.WEBP
        and not (watermark and options.watermark)
    ):
        original = Original(data, probe, motion.plays)
    frames, small = _decoded(motion, probe.kind, timed), None
    if options.description_request:
        small, frames = _previewed(frames, motion, timed)
    pictures = _pictures(frames, motion, options, timed, original)
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
        encoded = original.or_smaller(new) if original else new
    return Finished(encoded, *first.size, small)


def _decoded(motion: Motion, kind: ImageType, timed: _Timed) -> Iterator[Frame]:
    """Each frame, decoded when it is asked for; raises CorruptImageError on damage."""
    while True:
        with timed("decode"), _whole(kind):
            frame = next(motion.frames, None)
        if frame is None:
            return
        yield frame


def _previewed(
    frames: Iterator[Frame], motion: Motion, timed: _Timed
) -> tuple[bytes, Iterator[Frame]]:
    """The preview of the first frame, and all frames; it is let go of as the second is taken."""
    first = next(frames)
    with timed("preview"):
        small = preview(first.image, _source(first, motion))
    return small, chain([first], frames)


def _pictures(
    frames: Iterator[Frame],
    motion: Motion,
    options: Options,
    timed: _Timed,
    original: Original | None,
) -> Iterator[tuple[Image.Image, int]]:
    """Each frame in the box, upright and in sRGB, with its time in milliseconds.

    original: told of each frame, and of what has become of it.
    """
    for frame in frames:
        with timed("resize"):
            source = _source(frame, motion)
            image = resize(frame.image, source, options.max_width, options.max_height)
            image = to_srgb(upright(image, motion.orientation))
            ms = frame.ms if frame.ms > _HASTY_MS else _CALM_MS
            if original:
                original.follow(frame, image, ms)
        yield image, ms


def _source(frame: Frame, motion: Motion) -> Source:
    box = (0, 0, motion.width, motion.height)
    return Source(frame.image, box, motion.width, motion.height, motion.orientation)


@contextmanager
def _whole(kind: ImageType) -> Iterator[None]:
    """What a decoder raises on damage, as the one error that clients are told."""
    try:
        yield
    except DAMAGE:
        raise CorruptImageError(f"This {kind.facts.label} image is damaged or cut short") from None
