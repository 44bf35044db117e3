"""What an image will cost a worker in memory and CPU, from its header alone.

A wrong estimate changes no result, only how many images run at the same time. Most estimates are
within a factor of 1.5 (`make bench-cost` says how many). Memory depends on the number of
pixels. CPU depends on their detail too, which the upload's bytes per pixel tell something about.

Constants here and in `encoding`, unless they say otherwise, were fitted to 236 cases of
`make bench-cost` (seeds 11, 12, 21 and 22) on an AMD EPYC whose two cores were shared with other
work.
"""

from dataclasses import dataclass

from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.cost import encoding
from workers.cost.encoding import Picture
from workers.imaging import preview
from workers.imaging.decoding.decode import SCALED_DECODING_FACTOR
from workers.imaging.formats import jpeg
from workers.imaging.formats.probe import Probe

# Decoding, per megapixel of the upload. The memory is beside the image itself: two canvases and a
# copy for libwebp's compositor, planes and their RGB for libavif.
DECODE_SECONDS = {
    ImageType.JPG: 0.010,
    ImageType.PNG: 0.045,
    ImageType.WEBP: 0.022,
    ImageType.AVIF: 0.035,
    ImageType.HEIC: 0.055,
    ImageType.TIFF: 0.010,
    ImageType.BMP: 0.006,
    ImageType.GIF: 0.012,
}
DECODE_MEGABYTES = {
    ImageType.JPG: 0.0,
    ImageType.PNG: 0.5,
    ImageType.WEBP: 13.0,
    ImageType.AVIF: 7.5,
    ImageType.HEIC: 4.0,
    ImageType.TIFF: 1.0,
    ImageType.BMP: 0.5,
    ImageType.GIF: 1.5,
}

# All coefficients of a progressive JPEG are held at full size, even if it is decoded at a smaller
# scale. Per megapixel of the upload.
_PROGRESSIVE_MEGABYTES = 3.0
_PROGRESSIVE_SECONDS = 0.010

# TIFF, per megapixel and byte of memory per pixel, past those of RGBA in 8 bits: fitted to 21
# layouts of 12 megapixels in one strip.
_DEPTH_SECONDS, _USUAL_BYTES = 0.008, 9

_BYTES_PER_PIXEL = 4  # in Pillow, whatever the channels
_RESIZE_SECONDS = 0.004  # per megapixel that is read
_WATERMARK_SECONDS = 0.010  # per megapixel of the result

# Passthrough: the upload is digested, decoded again and digested again. For a JPEG better scans
# are searched in a child process.
_DIGEST_SECONDS = 0.006  # per megapixel
_SCANS_PROCESS_SECONDS = 0.05
_SCANS_SECONDS = 0.03  # per megapixel
_PASSTHROUGH_MIN_QUALITY = 85  # below it the new file is mostly far smaller and nothing is compared

_MIN_SECONDS = 0.004
_MIN_BYTES = 1_000_000


@dataclass(frozen=True)
class Cost:
    """memory_bytes: how far a worker's resident memory grows at its peak, compared to between
    images, with the upload's own bytes. cpu_seconds: of one core, as expected.
    max_cpu_seconds: the same for any pixels of that size."""

    memory_bytes: int
    cpu_seconds: float
    max_cpu_seconds: float


def estimate(
    probe: Probe,
    upload_bytes: int,
    options: Options,
    effort: Effort = Effort.BALANCED,
) -> Cost:
    """The cost of one image.

    upload_bytes: the length of the file. Orientation is ignored: the box is compared with the
    sides as stored.
    """
    picture = _picture(probe, upload_bytes, options)
    previewed = options.description_request is not None
    decoding = _decode_megabytes(probe, picture, previewed=previewed) * 1e6
    encode = encoding.memory_bytes(picture, options, effort)
    seconds = _decode_seconds(probe, picture, previewed=previewed)
    seconds += encoding.cpu_seconds(picture, options, effort)
    if options.watermark is not None:
        seconds += _WATERMARK_SECONDS * picture.megapixels * picture.frames
    if _may_pass_through(probe, options, picture):
        seconds += _passthrough_seconds(probe, picture)
    memory = upload_bytes + max(decoding, encode)
    return Cost(
        memory_bytes=round(memory) + _MIN_BYTES,
        cpu_seconds=seconds + _MIN_SECONDS,
        max_cpu_seconds=seconds + _MIN_SECONDS,
    )


def _picture(probe: Probe, upload_bytes: int, options: Options) -> Picture:
    scale = min(
        1.0,
        (options.max_width or probe.width) / probe.width,
        (options.max_height or probe.height) / probe.height,
    )
    stored = probe.width * probe.height / 1e6
    return Picture(
        megapixels=max(1e-6, stored * scale**2),
        scale=scale,
        frames=probe.frames if probe.stays_animated(options.format) else 1,
        kind=probe.kind,
        bytes_per_pixel=upload_bytes / (stored * 1e6 * probe.frames),
        alpha=probe.alpha,
    )


def _decoded_megapixels(probe: Probe, picture: Picture, *, previewed: bool) -> float:
    """What the decoder returns: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its sides.

    previewed: the preview for a model may need longer sides than the box.
    """
    stored = picture.megapixels / picture.scale**2
    if probe.kind is not ImageType.JPG or probe.unended:
        return stored
    preview_scale = preview.MAX_SIDE / max(probe.width, probe.height) if previewed else 0
    needed_scale = max(picture.scale, min(1.0, preview_scale)) * SCALED_DECODING_FACTOR
    divisor = next(part for part in (8, 4, 2, 1) if part <= max(1.0, 1 / needed_scale))
    return stored / divisor**2


def _decode_megabytes(probe: Probe, picture: Picture, *, previewed: bool) -> float:
    """The peak of memory while the upload is decoded and scaled."""
    stored = picture.megapixels / picture.scale**2
    image = _BYTES_PER_PIXEL * _decoded_megapixels(probe, picture, previewed=previewed)
    beside = max(DECODE_MEGABYTES[probe.kind], probe.bytes_per_pixel - _BYTES_PER_PIXEL) * stored
    if probe.progressive:
        beside += _PROGRESSIVE_MEGABYTES * stored
    scaled = _BYTES_PER_PIXEL * picture.megapixels if picture.scale < 1 else 0
    if probe.alpha and picture.scale < 1:
        scaled += _BYTES_PER_PIXEL * stored  # a copy, weighted by its alpha
    return image + max(beside, scaled)


def _decode_seconds(probe: Probe, picture: Picture, *, previewed: bool) -> float:
    stored = picture.megapixels / picture.scale**2
    per_frame = DECODE_SECONDS[probe.kind] * stored
    per_frame += _DEPTH_SECONDS * max(0, probe.bytes_per_pixel - _USUAL_BYTES) * stored
    if probe.progressive:
        per_frame += _PROGRESSIVE_SECONDS * stored
    if probe.unended:
        per_frame += jpeg.UNENDED_TIMES * (DECODE_SECONDS[probe.kind] + _DIGEST_SECONDS) * stored
    if picture.scale < 1:
        per_frame += _RESIZE_SECONDS * _decoded_megapixels(probe, picture, previewed=previewed)
    return per_frame * picture.frames


def _may_pass_through(probe: Probe, options: Options, picture: Picture) -> bool:
    """Whether the result is likely to be compared with the upload's own pixels."""
    same_type = probe.kind is options.format and probe.frames == 1
    close = options.format is ImageType.PNG or options.quality >= _PASSTHROUGH_MIN_QUALITY
    return same_type and close and picture.scale == 1 and options.watermark is None


def _passthrough_seconds(probe: Probe, picture: Picture) -> float:
    per_megapixel = DECODE_SECONDS[probe.kind] + 2 * _DIGEST_SECONDS
    if probe.kind is not ImageType.JPG:
        return per_megapixel * picture.megapixels
    return _SCANS_PROCESS_SECONDS + (per_megapixel + _SCANS_SECONDS) * picture.megapixels
