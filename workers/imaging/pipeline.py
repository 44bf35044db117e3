"""The pipeline: one upload through the engine, step by step.

The steps of a still are listed in `_steps`. An animation goes through the same steps frame by
frame, see `animation.animate`.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from PIL import Image

from shared.errors import ImageError, WarningCode
from shared.models import Encoding
from workers.imaging.animation import animate
from workers.imaging.colour.convert import to_plain, to_srgb
from workers.imaging.cpu_time import cpu_seconds
from workers.imaging.decoding.decode import Source, decode
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.encoded import Finished
from workers.imaging.encoding.settings import EncoderSettings
from workers.imaging.job import ImageJob
from workers.imaging.passthrough import Original, passthrough_candidate
from workers.imaging.preview import MAX_SIDE as PREVIEW_MAX_SIDE
from workers.imaging.preview import make_preview
from workers.imaging.transform.orient import upright
from workers.imaging.transform.resize import resize
from workers.imaging.watermark import apply_watermark

FASTER = (
    "The image was encoded with less effort, and may have more bytes,"
    " since with more it could have taken too much CPU or memory"
)


@dataclass(frozen=True)
class Output:
    """One finished image.

    data: the encoded file, without metadata. encoding: how its pixels were made.
    width, height: in pixels.
    preview: see `make_preview`, without the watermark; None unless a description was requested.
    seconds: wall time of the steps `decode`, `preview` (if there is one), `resize` (with
        orientation and colour), `watermark` and `encode`.
    cpu_seconds: CPU time of the process and its children over the whole call.
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


def process(job: ImageJob) -> Output:
    """Turns one upload into the output that its options ask for.

    Raises ImageError: CorruptImageError if the upload does not decode, TooLargeForFormatError if
    a side is too long for the format, ImageError itself for a broken watermark or when memory
    runs out.

    CPU time is that of the process, not of the thread, because the PNG encoder uses threads of
    its own. So a process may only do one image at a time.
    """
    started = cpu_seconds()
    try:
        with warnings.catch_warnings():
            # Pillow warns about harmless damage, mostly broken EXIF.
            warnings.simplefilter("ignore")
            finished = animate(job) if job.stays_animated else _process_still(job)
    except MemoryError:
        # Must not leave the task: it would end the whole worker instead of this image.
        raise ImageError("This image needs more memory than is available") from None
    return Output(
        data=finished.encoded.data,
        encoding=finished.encoded.encoding,
        width=finished.width,
        height=finished.height,
        watermarked=job.watermark is not None,
        preview=finished.preview,
        seconds=job.timer.seconds,
        cpu_seconds=cpu_seconds() - started,
        warnings=tuple(_warnings(job, finished)),
    )


@dataclass
class _Still:
    """A still on its way through the steps. source: how it was decoded; it keeps no pixels.

    image: replaced by each step, so that no copy stays in memory: 50 megapixels are 200 MB.
    original: the upload, for as long as its own pixels may still be the result.
    """

    job: ImageJob
    source: Source = field(init=False)
    image: Image.Image = field(init=False)
    original: Original | None = None
    preview: bytes | None = None
    finished: Finished = field(init=False)


def _steps(job: ImageJob) -> Iterator[tuple[str, Callable[[_Still], None]]]:
    """The steps of a still in order, each with the name that its time is reported under.

    Decoding notes whether the upload's own pixels may be the result; encoding then chooses the
    smaller file (`passthrough`).

    Orientation and colour come after resizing, so that they handle the small image and not the
    large one. The preview comes before it, because a thumbnail has too few pixels to describe.
    """
    yield "decode", _decode
    if job.options.description_request:
        yield "preview", _make_preview
    yield "resize", _resize
    yield "resize", _orient
    yield "resize", _convert_to_srgb
    yield "watermark", _apply_watermark
    yield "encode", _encode


def _process_still(job: ImageJob) -> Finished:
    """A still, or the first frame of an animation whose result is a still."""
    still = _Still(job)
    for name, step in _steps(job):
        with job.timer.measure(name):
            step(still)
    return still.finished


def _decode(still: _Still) -> None:
    job, options = still.job, still.job.options
    min_side = PREVIEW_MAX_SIDE if options.description_request else 1
    still.source = decode(job.data, job.probe, options.max_width, options.max_height, min_side)
    still.original = passthrough_candidate(job, still.source)
    still.image = to_plain(still.source.detach_image())


def _make_preview(still: _Still) -> None:
    still.preview = make_preview(still.image, still.source)


def _resize(still: _Still) -> None:
    options = still.job.options
    still.image = resize(still.image, still.source, options.max_width, options.max_height)


def _orient(still: _Still) -> None:
    still.image = upright(still.image, still.source.orientation)


def _convert_to_srgb(still: _Still) -> None:
    converted = to_srgb(still.image)
    if converted is not still.image:
        still.original = None  # its pixels have other colours
    still.image = converted


def _apply_watermark(still: _Still) -> None:
    if still.job.watermark:
        still.image = apply_watermark(still.image, *still.job.watermark)
        still.original = None


def _encode(still: _Still) -> None:
    job, original = still.job, still.original
    width, height = still.image.size
    encoded = original.sixteen_bit_png() if original else None
    if encoded is None:
        settings = EncoderSettings(job.options.quality, job.effort)
        encoded = encode(still.image, job.options.format, settings)
        still.image = Image.new("1", (0, 0))  # else it would stand beside what is decoded again
        if original:
            encoded = original.or_smaller(encoded)
    still.finished = Finished(encoded, width, height, still.preview)


def _warnings(job: ImageJob, finished: Finished) -> Iterator[tuple[WarningCode, str]]:
    frames = job.probe.frames
    if frames > 1 and not job.stays_animated:
        yield WarningCode.ANIMATION_FLATTENED, f"Only the first of the {frames} frames was used"
    if (
        job.faster or finished.encoded.faster
    ) and finished.encoded.encoding is not Encoding.ORIGINAL:
        yield WarningCode.FASTER_ENCODING, FASTER
    before, after = len(job.data), len(finished.encoded.data)
    if after > before:
        message = f"The result has {after:,} bytes, more than the upload's {before:,}"
        yield WarningCode.LARGER_THAN_ORIGINAL, message
