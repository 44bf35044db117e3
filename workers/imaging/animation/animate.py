"""The pipeline of an animation: each frame goes through all steps before the next is decoded."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Protocol

from PIL import Image

from shared.errors import CorruptImageError, TooMuchWorkError
from shared.imagetype import ImageType
from workers.imaging.animation import decode_gif, decode_webp
from workers.imaging.animation.encode_avif import AvifAnimationWriter
from workers.imaging.animation.encode_webp import WebpAnimationWriter
from workers.imaging.animation.frames import Animation, Frame
from workers.imaging.animation.passthrough import OriginalAnimation
from workers.imaging.colour.convert import to_srgb
from workers.imaging.decoding.decode import DAMAGE, Source
from workers.imaging.encoding.encode import check_sides
from workers.imaging.encoding.encoded import Encoded, Finished
from workers.imaging.encoding.settings import EncoderSettings
from workers.imaging.formats.probe import Probe
from workers.imaging.job import ImageJob
from workers.imaging.preview import make_preview
from workers.imaging.transform.orient import upright
from workers.imaging.transform.resize import resize
from workers.imaging.watermark import Overlay, make_overlay

# Browsers show a frame of 10 ms or less for 100 (Blink, WebKit and Gecko, in every format:
# https://webkit.org/b/36082). With 100 in the file, every other player does so too.
_TOO_SHORT_MS = 10
_SHOWN_INSTEAD_MS = 100

# CPU seconds of this process for one animation, checked after each frame. Past the first the rest
# is encoded faster, past the second the animation fails: how long it takes depends on its pixels.
_HURRY_SECONDS, MAX_SECONDS = 20.0, 40.0


class _Writer(Protocol):
    """An encoder that takes frame by frame."""

    def add(self, image: Image.Image, ms: int) -> None: ...
    def hurry(self) -> None: ...
    def finish(self) -> Encoded: ...


READERS: dict[ImageType, Callable[[bytes, Probe], Animation]] = {
    ImageType.GIF: decode_gif.read,
    ImageType.WEBP: decode_webp.read,
}
WRITERS: dict[ImageType, Callable[[tuple[int, int], EncoderSettings, int], _Writer]] = {
    ImageType.WEBP: WebpAnimationWriter,
    ImageType.AVIF: AvifAnimationWriter,
}


def animate(job: ImageJob) -> Finished:
    """All frames of a GIF or WebP as one WebP or AVIF, and a preview of the first if requested.

    Raises CorruptImageError if a frame does not decode completely, TooLargeForFormatError,
    TooMuchWorkError past `MAX_SECONDS`, and ImageError for a broken watermark.
    """
    measure, started = job.timer.measure, time.process_time()
    with measure("decode"), _damage_reported(job.probe):
        animation = READERS[job.probe.kind](job.data, job.probe)
    original = _passthrough_candidate(job, animation)
    frames, preview = _decoded(job, animation), None
    if job.options.description_request:
        preview, frames = _previewed(job, animation, frames)
    images = _resized(job, animation, frames, original)
    first, first_ms = next(images)
    check_sides(first.size, job.options.format)
    overlay = _overlay(job, first.size)
    settings = EncoderSettings(job.options.quality, job.effort)
    writer = WRITERS[job.options.format](first.size, settings, animation.plays)
    for image, ms in chain([(first, first_ms)], images):
        with measure("watermark"):
            marked = overlay.apply(image) if overlay else image
        with measure("encode"):
            writer.add(marked, ms)
        _check_time(writer, time.process_time() - started)
    with measure("encode"):
        encoded = writer.finish()
        if original:
            encoded = original.or_smaller(encoded)
    return Finished(encoded, *first.size, preview)


def _check_time(writer: _Writer, seconds: float) -> None:
    if seconds > MAX_SECONDS:
        raise TooMuchWorkError(
            "This animation takes too much work; ask for half the maxWidth, or send fewer frames"
        )
    if seconds > _HURRY_SECONDS:
        writer.hurry()


def _passthrough_candidate(job: ImageJob, animation: Animation) -> OriginalAnimation | None:
    """The upload, if its own frames may be the result."""
    is_webp = job.probe.kind is job.options.format is ImageType.WEBP
    if not is_webp or job.watermark:
        return None
    return OriginalAnimation(job.data, job.probe, animation.plays)


def _decoded(job: ImageJob, animation: Animation) -> Iterator[Frame]:
    """Each frame, decoded when it is asked for; raises CorruptImageError on damage."""
    while True:
        with job.timer.measure("decode"), _damage_reported(job.probe):
            frame = next(animation.frames, None)
        if frame is None:
            return
        yield frame


def _previewed(
    job: ImageJob, animation: Animation, frames: Iterator[Frame]
) -> tuple[bytes, Iterator[Frame]]:
    """The preview of the first frame, and all frames, the first among them."""
    first = next(frames)
    with job.timer.measure("preview"):
        preview = make_preview(first.image, _source(first, animation))
    return preview, chain([first], frames)


def _resized(
    job: ImageJob,
    animation: Animation,
    frames: Iterator[Frame],
    original: OriginalAnimation | None,
) -> Iterator[tuple[Image.Image, int]]:
    """Each frame scaled into the box, upright and in sRGB, and its time in milliseconds.

    original: records each frame and its result.
    """
    options = job.options
    for frame in frames:
        with job.timer.measure("resize"):
            source = _source(frame, animation)
            image = resize(frame.image, source, options.max_width, options.max_height)
            image = to_srgb(upright(image, animation.orientation))
            ms = frame.ms if frame.ms > _TOO_SHORT_MS else _SHOWN_INSTEAD_MS
            if original:
                original.record(frame, image, ms)
        yield image, ms


def _overlay(job: ImageJob, size: tuple[int, int]) -> Overlay | None:
    with job.timer.measure("watermark"):
        return make_overlay(*job.watermark, size) if job.watermark else None


def _source(frame: Frame, animation: Animation) -> Source:
    box = (0, 0, animation.width, animation.height)
    return Source(frame.image, box, animation.width, animation.height, animation.orientation)


@contextmanager
def _damage_reported(probe: Probe) -> Iterator[None]:
    """Turns what a decoder raises on damage into CorruptImageError."""
    try:
        yield
    except DAMAGE:
        raise CorruptImageError(
            f"This {probe.kind.facts.label} image is damaged or cut short"
        ) from None
