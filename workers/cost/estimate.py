"""What an image will cost a worker in memory and CPU, from its header alone.

Memory is an upper bound for any pixels, since images at work share what a machine has. CPU is given
twice: as it is expected, by which accounts share the cores, and as an upper bound for any pixels,
by which an image is made with less effort or refused (`workers.cost.plan`).

Constants of what is expected, here and in `encoding`, unless they say otherwise, were fitted to 236
cases of `make bench-cost` (seeds 11, 12, 21 and 22), those of bounds to `make bench-cost-worst`
(2026-11-26), both on an AMD EPYC whose two cores were shared with other work.
"""

from dataclasses import dataclass

from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.cost import bounds, encoding
from workers.cost.encoding import Picture
from workers.imaging import preview
from workers.imaging.animation.animate import MAX_SECONDS as ANIMATION_MAX_SECONDS
from workers.imaging.decoding.decode import SCALED_DECODING_FACTOR
from workers.imaging.formats import jpeg
from workers.imaging.formats.probe import Probe

# Decoding, per megapixel of the upload, as it is expected and at most. Coded bits take time too,
# per megabyte of the upload.
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
MAX_DECODE_SECONDS = {
    ImageType.JPG: (0.015, 0.007),
    ImageType.PNG: (0.070, 0.010),
    ImageType.WEBP: (0.060, 0.035),
    ImageType.AVIF: (0.120, 0.140),
    ImageType.HEIC: (0.200, 0.250),
    ImageType.TIFF: (0.080, 0.030),
    ImageType.BMP: (0.040, 0.020),
    ImageType.GIF: (0.040, 0.020),
}

# At most, beside the image itself: a copy of lossless pixels or of alpha for libwebp, planes and
# their RGB for libavif.
DECODE_MEGABYTES = {
    ImageType.JPG: 0.5,
    ImageType.PNG: 5.5,
    ImageType.WEBP: 6.0,
    ImageType.AVIF: 9.5,
    ImageType.HEIC: 9.5,
    ImageType.TIFF: 8.0,
    ImageType.BMP: 8.0,
    ImageType.GIF: 8.0,
}

# For a WebP of frames: two canvases and a copy for libwebp's compositor.
_COMPOSED_MEGABYTES = 16.0

# All coefficients of a progressive JPEG are held at full size, even if it is decoded at a smaller
# scale, and each of many scans goes over them. Per megapixel of the upload.
_PROGRESSIVE_MEGABYTES = 12.5
_PROGRESSIVE_SECONDS, _MAX_PROGRESSIVE_SECONDS = 0.010, 0.150

# TIFF, per megapixel and byte of memory per pixel, past those of RGBA in 8 bits: fitted to 21
# layouts of 12 megapixels in one strip.
_DEPTH_SECONDS, _USUAL_BYTES = 0.008, 9

_BYTES_PER_PIXEL = 4  # in Pillow, whatever the channels
_RESIZE_SECONDS, _MAX_RESIZE_SECONDS = 0.004, 0.060  # per megapixel that is read
_WATERMARK_SECONDS, _MAX_WATERMARK_SECONDS = 0.010, 0.060  # per megapixel of the result

# Colours and turning, at most, per megapixel of the result; and what a preview takes.
_MAX_COLOUR_SECONDS, _MAX_PREVIEW_SECONDS = 0.060, 0.15

# Passthrough: the upload is digested, decoded again and digested again. For a JPEG better scans
# are searched in a child process.
_DIGEST_SECONDS = 0.006  # per megapixel
_SCANS_PROCESS_SECONDS = 0.05
_SCANS_SECONDS = 0.03  # per megapixel
_PASSTHROUGH_MIN_QUALITY = 85  # below it the new file is mostly far smaller and nothing is compared

_MAX_PASSTHROUGH_SECONDS = 0.03  # per megapixel, beside decoding
_SCANS_PROCESS_BYTES = 40e6

# Types whose few bytes may repeat large parts or be predicted: with fewer bytes per pixel than
# these, a part of the most that any pixels take is expected, since nothing else is known of them.
_REPEATING_BYTES_PER_PIXEL = {
    ImageType.PNG: 0.3,
    ImageType.TIFF: 0.3,
    ImageType.GIF: 0.02,
    ImageType.BMP: 0.3,
}
_ANY_BYTES_PER_PIXEL = 0.015
_EXPECTED_SHARE = 0.4

# The probe does not say whether these are transparent.
_MAYBE_ALPHA = (ImageType.GIF, ImageType.TIFF, ImageType.BMP)

_MIN_SECONDS, _MIN_MAX_SECONDS = 0.004, 0.08
_MIN_BYTES = 4_000_000


@dataclass(frozen=True)
class Cost:
    """memory_bytes: how far a worker's resident memory grows at its peak at most, compared to
    between images, with the upload's own bytes and what a child process takes.
    cpu_seconds: of one core, as expected. max_cpu_seconds: at most, whatever the pixels.
    """

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
    most = _max_cpu_seconds(probe, upload_bytes, picture, options, effort)
    expected = _expected_cpu_seconds(probe, picture, options, effort)
    if picture.bytes_per_pixel < _REPEATING_BYTES_PER_PIXEL.get(probe.kind, _ANY_BYTES_PER_PIXEL):
        expected = max(expected, _EXPECTED_SHARE * most)
    return Cost(
        memory_bytes=round(_max_memory_bytes(probe, upload_bytes, picture, options, effort)),
        cpu_seconds=min(expected, most),
        max_cpu_seconds=most,
    )


def _max_memory_bytes(
    probe: Probe, upload_bytes: int, picture: Picture, options: Options, effort: Effort
) -> float:
    previewed = options.description_request is not None
    decoding = _decode_megabytes(probe, picture, previewed=previewed) * 1e6 + upload_bytes
    encode = bounds.max_memory_bytes(picture, options, effort)
    passing = 0.0
    if _can_pass_through(probe, options, picture):
        passing = decoding + upload_bytes
        if probe.kind is ImageType.JPG:
            searched = bounds.scans_search_bytes(picture.megapixels, upload_bytes)
            passing = max(passing, searched + _SCANS_PROCESS_BYTES)
    return upload_bytes + max(decoding, encode, passing) + _MIN_BYTES


def _max_cpu_seconds(
    probe: Probe, upload_bytes: int, picture: Picture, options: Options, effort: Effort
) -> float:
    previewed = options.description_request is not None
    decoding = _max_decode_seconds(probe, upload_bytes, picture)
    made = picture.megapixels * picture.frames
    seconds = decoding + _MAX_COLOUR_SECONDS * made
    if picture.scale < 1:
        decoded = _decoded_megapixels(probe, picture, previewed=previewed)
        seconds += _MAX_RESIZE_SECONDS * decoded * picture.frames
    if options.watermark is not None:
        seconds += _MAX_WATERMARK_SECONDS * made + _MIN_MAX_SECONDS
    if previewed:
        decoded = _decoded_megapixels(probe, picture, previewed=True)
        seconds += _MAX_PREVIEW_SECONDS + _MAX_RESIZE_SECONDS * decoded
    seconds += bounds.max_cpu_seconds(picture, options, effort) + _MIN_MAX_SECONDS
    if picture.frames > 1:
        seconds = min(seconds, ANIMATION_MAX_SECONDS + 2 * seconds / picture.frames)
    if _can_pass_through(probe, options, picture):
        seconds += decoding + _MAX_PASSTHROUGH_SECONDS * made
        if probe.kind is ImageType.JPG:
            seconds += _SCANS_PROCESS_SECONDS * 2
            seconds += bounds.scans_search_seconds(picture.megapixels, upload_bytes)
    return seconds


def _expected_cpu_seconds(
    probe: Probe, picture: Picture, options: Options, effort: Effort
) -> float:
    previewed = options.description_request is not None
    seconds = _decode_seconds(probe, picture, previewed=previewed)
    seconds += encoding.cpu_seconds(picture, options, effort)
    if options.watermark is not None:
        seconds += _WATERMARK_SECONDS * picture.megapixels * picture.frames
    if _may_pass_through(probe, options, picture):
        seconds += _passthrough_seconds(probe, picture)
    return seconds + _MIN_SECONDS


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
        alpha=probe.alpha or probe.kind in _MAYBE_ALPHA,
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
    if probe.composed:
        beside = _COMPOSED_MEGABYTES * stored
    if probe.progressive:
        beside += _PROGRESSIVE_MEGABYTES * stored
    scaled = _BYTES_PER_PIXEL * picture.megapixels if picture.scale < 1 else 0
    if picture.alpha and picture.scale < 1:
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


def _max_decode_seconds(probe: Probe, upload_bytes: int, picture: Picture) -> float:
    """All frames, by pixels and by coded bits, which are read once for all of them."""
    stored = picture.megapixels / picture.scale**2
    per_megapixel, per_megabyte = MAX_DECODE_SECONDS[probe.kind]
    if probe.progressive:
        per_megapixel += _MAX_PROGRESSIVE_SECONDS
    per_megapixel += _DEPTH_SECONDS * max(0, probe.bytes_per_pixel - _USUAL_BYTES) * 2
    seconds = per_megapixel * stored * picture.frames + per_megabyte * upload_bytes / 1e6
    return seconds * (1 + jpeg.UNENDED_TIMES) if probe.unended else seconds


def _can_pass_through(probe: Probe, options: Options, picture: Picture) -> bool:
    """Whether the result may be compared with the upload's own pixels, whatever it is."""
    return probe.kind is options.format and picture.scale == 1 and options.watermark is None


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
