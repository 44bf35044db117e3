"""The most that the encoders cost, whatever the pixels.

Found by `make bench-cost-worst` and by encoding each kind of its pixels at 1 to 33 megapixels
(2026-11-26), with a fifth added. A hostile upload has any pixels that it likes in very few bytes:
PNG, GIF, TIFF and lossless WebP repeat whole rows, AVIF whole blocks, and a JPEG of 0.04 bytes per
pixel already holds noise that costs AVIF two thirds of the most. So the upload's bytes say nothing
here.
"""

import math

from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.cost.encoding import Picture, effective_effort, mode_of
from workers.imaging.encoding import avif, jpeg, webp

_MEGA = 1e6

# CPU seconds per megapixel, by effort.
_SECONDS: dict[str, dict[Effort, float]] = {
    "webp": {Effort.FAST: 0.4, Effort.BALANCED: 0.65, Effort.SMALL: 1.1},
    "png": {Effort.FAST: 0.58, Effort.BALANCED: 1.15, Effort.SMALL: 2.4},
    "png_no_trials": dict.fromkeys(Effort, 0.3),
    "webp_animation": {Effort.FAST: 0.8, Effort.BALANCED: 1.0, Effort.SMALL: 1.5},
    "avif_animation": dict.fromkeys(Effort, 1.3),
}

# Lossless WebP of noise. Small squares are grouped by their statistics, which is quadratic in their
# number, but that is limited: so the second figure is per square root of megapixels.
_TRY_SECONDS, _TRY_ALPHA_SECONDS = 2.2, 3.8
_NEAR_LOSSLESS_SECONDS = (8.5, 6.0)
_NEAR_LOSSLESS_TRIES = 2

# JPEG: encoding, then the search of scans per megapixel and per megabyte of the file, of which
# noise has up to 2.8 bytes per pixel.
_JPEG_SECONDS, _SEARCH_SECONDS, _SEARCH_SECONDS_PER_MEGABYTE = 0.025, 0.055, 0.33
_JPEG_BYTES_PER_PIXEL = 2.8

# What an AVIF that is tried in part may take more than it seemed to there.
_TRIAL_ERROR = 1.25

# Bytes of memory per pixel with the decoded image, opaque and with alpha.
_BYTES: dict[str, tuple[float, float]] = {
    "webp": (37, 47),
    "webp_fast": (20, 47),
    "webp_lossless": (50, 58),
    "png": (17, 22),
    "avif_block_copy": (125, 135),
    "avif": (66, 77),
    "avif_420": (46, 52),
    "avif_420_fast": (31, 38),
    "webp_animation": (60, 70),
    "avif_animation": (75, 85),
}
# Per pixel of each coded frame, which are kept until all are joined, opaque and with alpha.
_FRAME_BYTES = {ImageType.WEBP: (9.5, 13.0), ImageType.AVIF: (6.5, 12.0)}
_FIXED_BYTES = {
    ImageType.WEBP: 12e6,
    ImageType.JPG: 4e6,
    ImageType.PNG: 40e6,  # it varies from run to run by 20 MB
    ImageType.AVIF: 16e6,
}

# JPEG: the image with its packed copy and a file that grows by doubling; then coefficients in full
# colour beside the file, and the scans that are compared.
_JPEG_ENCODING_BYTES = 13.0
_JPEG_COEFFICIENT_BYTES, _SEARCH_TIMES_FILE = 8.5, 10.0


def max_memory_bytes(picture: Picture, options: Options, effort: Effort) -> float:
    """Bytes of memory while the result is encoded, including the decoded image."""
    pixels = picture.megapixels * _MEGA
    fixed = _FIXED_BYTES[options.format]
    if options.format is ImageType.JPG:
        return fixed + _jpeg_bytes(picture)
    per_pixel = _BYTES[_memory_mode(picture, options, effort)][picture.alpha]
    if picture.frames > 1:
        per_pixel += _FRAME_BYTES[options.format][picture.alpha] * picture.frames
    return fixed + per_pixel * pixels


def max_cpu_seconds(picture: Picture, options: Options, effort: Effort) -> float:
    """CPU seconds for all frames of the result."""
    mode = mode_of(picture, options)
    made = effective_effort(picture, options.format, effort)
    all_megapixels = picture.megapixels * picture.frames
    if picture.frames > 1:
        return _SECONDS[mode][made] * all_megapixels
    if options.format is ImageType.AVIF:
        return _avif_seconds(picture, made)
    if options.format is ImageType.JPG:
        return _jpeg_seconds(picture)
    if mode == "webp_near_lossless":
        return _NEAR_LOSSLESS_TRIES * _near_lossless_seconds(picture.megapixels)
    seconds = _SECONDS[mode][made] * all_megapixels
    if options.format is ImageType.WEBP and picture.megapixels <= webp.LOSSLESS_MAX_PIXELS / _MEGA:
        tried = _TRY_ALPHA_SECONDS if picture.alpha else _TRY_SECONDS
        seconds += min(tried * picture.megapixels, _near_lossless_seconds(picture.megapixels))
    return seconds


def _near_lossless_seconds(megapixels: float) -> float:
    linear, root = _NEAR_LOSSLESS_SECONDS
    return min(linear * megapixels, root * math.sqrt(megapixels))


def _avif_seconds(picture: Picture, effort: Effort) -> float:
    pixels = round(picture.megapixels * _MEGA)
    most = avif.max_seconds(pixels, effort)
    if effort is Effort.FAST or most <= avif.TRIED_SECONDS:
        return most
    trials = most * avif.tried_pixels(pixels) / pixels
    fast = avif.max_seconds(pixels, Effort.FAST)
    return min(most, max(avif.TRIED_SECONDS * _TRIAL_ERROR, fast)) + trials


def scans_search_seconds(megapixels: float, file_bytes: float) -> float:
    """CPU seconds of the search for the best scans of a JPEG."""
    if file_bytes > jpeg.SEARCH_MAX_BYTES:
        return 0.0
    return _SEARCH_SECONDS * megapixels + _SEARCH_SECONDS_PER_MEGABYTE * file_bytes / _MEGA


def scans_search_bytes(megapixels: float, file_bytes: float) -> float:
    """Bytes of memory of that search, with the file."""
    if file_bytes > jpeg.SEARCH_MAX_BYTES:
        return file_bytes
    return _JPEG_COEFFICIENT_BYTES * megapixels * _MEGA + _SEARCH_TIMES_FILE * file_bytes


def _jpeg_seconds(picture: Picture) -> float:
    seconds = _JPEG_SECONDS * picture.megapixels
    return seconds + scans_search_seconds(picture.megapixels, _jpeg_file_bytes(picture))


def _jpeg_bytes(picture: Picture) -> float:
    searching = scans_search_bytes(picture.megapixels, _jpeg_file_bytes(picture))
    return max(_JPEG_ENCODING_BYTES * picture.megapixels * _MEGA, searching)


def _jpeg_file_bytes(picture: Picture) -> float:
    """The largest file whose scans are searched."""
    return min(picture.megapixels * _MEGA * _JPEG_BYTES_PER_PIXEL, jpeg.SEARCH_MAX_BYTES)


def _memory_mode(picture: Picture, options: Options, effort: Effort) -> str:
    pixels = picture.megapixels * _MEGA
    made = effective_effort(picture, options.format, effort)
    mode = mode_of(picture, options)
    if options.format is ImageType.PNG:
        return "png"
    if picture.frames > 1:
        return mode
    if options.format is ImageType.WEBP:
        if pixels <= webp.LOSSLESS_MAX_PIXELS:
            return "webp_lossless"  # a header does not tell a drawing, on which it is tried
        return "webp_fast" if made is Effort.FAST else "webp"
    if pixels <= avif.BLOCK_COPY_MAX_PIXELS and made is not Effort.FAST:
        return "avif_block_copy"
    if pixels <= avif.FULL_COLOUR_MAX_PIXELS:
        return "avif"
    return "avif_420_fast" if made is Effort.FAST else "avif_420"
