"""What an image will cost a worker in memory and CPU, by its header alone.

For whoever schedules images, not for whoever makes them: within a factor of 1.5 for most
(`make bench-cost` says for how many), and nothing depends on it being right. Pixels say what
memory is needed. CPU hangs on how much detail there is too, and of that the upload's bytes a
pixel tell something.

Unless it says otherwise a constant here was fitted to 236 cases of `make bench-cost` (seeds 11,
12, 21 and 22), on an AMD EPYC whose two cores were shared with other work.
"""

from dataclasses import dataclass

from shared.imagetype import ImageType
from shared.models import Effort, Options, Probe
from workers.cost import encoding
from workers.cost.encoding import Picture

# Decoding: seconds and bytes for each million pixels of the upload, beside the picture itself.
# libwebp's compositor holds two canvases and a copy, libavif the planes and their RGB.
_DECODE_SECONDS = {
    ImageType.JPG: 0.010,
    ImageType.PNG: 0.045,
    ImageType.WEBP: 0.022,
    ImageType.AVIF: 0.035,
    ImageType.HEIC: 0.055,
    ImageType.TIFF: 0.010,
    ImageType.BMP: 0.006,
    ImageType.GIF: 0.012,
}
_DECODE_BYTES = {
    ImageType.JPG: 0.0,
    ImageType.PNG: 0.5,
    ImageType.WEBP: 13.0,
    ImageType.AVIF: 7.5,
    ImageType.HEIC: 4.0,
    ImageType.TIFF: 1.0,
    ImageType.BMP: 0.5,
    ImageType.GIF: 1.5,
}

# A progressive JPEG's coefficients are all held, at full size even where it is decoded at less.
_COEFFICIENT_BYTES = 3.0
_PROGRESSIVE_SECONDS = 0.010

_PIXEL_BYTES = 4  # Pillow's, whatever the channels
_DRAFT_FACTOR = 1.5  # scaled decoding keeps so much of each side; as imaging.decoding.decode
_PREVIEW_SIDE = 768  # pixels that the longer side keeps for a model; workers.imaging.preview
_SHRINK_SECONDS = 0.004  # a million pixels read by the scaler
_MARK_SECONDS = 0.010  # a million pixels of the result, and a copy of it

# Never larger: the upload is digested, decoded once more and digested again. For a JPEG better
# scans are looked for, in a process of its own.
_DIGEST_SECONDS = 0.006
_SCANS_SECONDS = (0.05, 0.03)  # for that process, and a million pixels
_STAYING_QUALITY = 85  # below it the new file is mostly far smaller, and that is the end of it

_LEAST_SECONDS = 0.004
_LEAST_BYTES = 1_000_000


@dataclass(frozen=True)
class Cost:
    """memory_bytes: what a worker's resident memory grows by at its peak, over what it holds
    between images; the upload's own bytes are in it. cpu_seconds: of one core."""

    memory_bytes: int
    cpu_seconds: float


def estimate(
    probe: Probe,
    upload_bytes: int,
    options: Options,
    effort: Effort = Effort.BALANCED,
    core_speed: float = 1.0,
) -> Cost:
    """The cost of one image.

    upload_bytes: length of the file. core_speed: how many times faster than the core of this
    module's constants yours is; run `make bench-cost` and take the inverse of its median for CPU.
    The box is held against the sides as stored: the header that turns a picture is not read.
    """
    frames = probe.frames if probe.is_animated and options.format.facts.writes_animation else 1
    picture = _picture(probe, upload_bytes, options, frames)
    brief = options.description_request is not None
    decode = _decode_bytes(probe, picture, brief=brief)
    encode = encoding.memory(picture, options, effort)
    seconds = _decode_seconds(probe, picture, brief=brief)
    seconds += encoding.seconds(picture, options, effort)
    if options.watermark is not None:
        seconds += _MARK_SECONDS * picture.megapixels * frames
    if _may_stay(probe, options, picture):
        seconds += _stay_seconds(probe, picture)
    memory = upload_bytes + max(decode * 1e6, encode)
    return Cost(
        memory_bytes=round(memory) + _LEAST_BYTES,
        cpu_seconds=(seconds + _LEAST_SECONDS) / core_speed,
    )


def _picture(probe: Probe, upload_bytes: int, options: Options, frames: int) -> Picture:
    scale = min(
        1.0,
        (options.max_width or probe.width) / probe.width,
        (options.max_height or probe.height) / probe.height,
    )
    stored = probe.width * probe.height / 1e6
    return Picture(
        megapixels=max(1e-6, stored * scale**2),
        scale=scale,
        frames=frames,
        kind=probe.kind,
        bytes_a_pixel=upload_bytes / (stored * 1e6 * probe.frames),
        alpha=probe.alpha,
    )


def _decoded(probe: Probe, picture: Picture, *, brief: bool) -> float:
    """Million pixels that the decoder gives: of a JPEG an eighth, fourth or half a side.

    brief: a model is shown the picture, which asks for a longer side than the box perhaps.
    """
    stored = picture.megapixels / picture.scale**2
    if probe.kind is not ImageType.JPG:
        return stored
    least = _PREVIEW_SIDE / max(probe.width, probe.height) if brief else 0
    room = 1 / (max(picture.scale, min(1.0, least)) * _DRAFT_FACTOR)
    by = next(part for part in (8, 4, 2, 1) if part <= max(1.0, room))
    return stored / by**2


def _decode_bytes(probe: Probe, picture: Picture, *, brief: bool) -> float:
    """Bytes for each millionth of the whole at the end of decoding or scaling: MB, so to say."""
    stored = picture.megapixels / picture.scale**2
    pixels = _PIXEL_BYTES * _decoded(probe, picture, brief=brief)
    beside = _DECODE_BYTES[probe.kind] * stored
    if probe.progressive:
        beside += _COEFFICIENT_BYTES * stored
    smaller = _PIXEL_BYTES * picture.megapixels if picture.scale < 1 else 0
    if probe.alpha and picture.scale < 1:
        smaller += _PIXEL_BYTES * stored  # weighted by its alpha for the scaler
    return pixels + max(beside, smaller)


def _decode_seconds(probe: Probe, picture: Picture, *, brief: bool) -> float:
    stored = picture.megapixels / picture.scale**2
    a_frame = _DECODE_SECONDS[probe.kind] * stored
    if probe.progressive:
        a_frame += _PROGRESSIVE_SECONDS * stored
    if picture.scale < 1:
        a_frame += _SHRINK_SECONDS * _decoded(probe, picture, brief=brief)
    return a_frame * picture.frames


def _may_stay(probe: Probe, options: Options, picture: Picture) -> bool:
    """Whether the upload's own pixels may well go out."""
    same = probe.kind is options.format and probe.frames == 1
    near = options.format is ImageType.PNG or options.quality >= _STAYING_QUALITY
    return same and near and picture.scale == 1 and options.watermark is None


def _stay_seconds(probe: Probe, picture: Picture) -> float:
    again = _DECODE_SECONDS[probe.kind] + 2 * _DIGEST_SECONDS
    start, scans = _SCANS_SECONDS if probe.kind is ImageType.JPG else (0.0, 0.0)
    return start + (again + scans) * picture.megapixels
