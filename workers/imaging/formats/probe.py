"""What an upload is, from its header alone: its type, its size, its frames.

Nothing is decoded here, so a bomb costs no more than a walk over its container. Each format's
module returns the largest size that a decoder would allocate for, since many files can name
several sizes. Every walk is linear in the file and ends at a cap, since a hostile file of 20 MB
must not hold a worker for long.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.errors import (
    NOT_AN_IMAGE,
    CorruptImageError,
    TooManyFramesError,
    TooManyPixelsError,
    UnsupportedImageError,
)
from shared.imagetype import ImageType, type_of
from workers.imaging.formats import avif, bmp, gif, heif, isobmff, jpeg, png, tiff, webp
from workers.imaging.formats.measured import MAX_FRAMES, Measured

# Pillow keeps a pointer for each row, and some work is per row: a picture one pixel wide would
# take thrice the memory of one as high. No format but PNG and TIFF has longer sides.
_MAX_SIDE = 1_000_000

# What the largest number of pixels may need while it is decoded: a TIFF of four samples of 16 bits
# with alpha does.
_MAX_BYTES_PER_PIXEL = 27

_MEASURES: dict[ImageType, Callable[[bytes], Measured]] = {
    ImageType.JPG: jpeg.measure,
    ImageType.PNG: png.measure,
    ImageType.WEBP: webp.measure,
    ImageType.AVIF: avif.measure,
    ImageType.HEIC: heif.measure,
    ImageType.GIF: gif.measure,
    ImageType.TIFF: tiff.measure,
    ImageType.BMP: bmp.measure,
}

# The other types are taken for opaque: this only tells what an encoder will cost.
_ALPHAS: dict[ImageType, Callable[[bytes], bool]] = {
    ImageType.PNG: png.has_alpha,
    ImageType.WEBP: webp.has_alpha,
    ImageType.AVIF: isobmff.has_alpha,
    ImageType.HEIC: isobmff.has_alpha,
}


_SUPPORTED = ", ".join(kind.facts.label for kind in ImageType)


@dataclass(frozen=True)
class Probe:
    """What the header of an upload says; nothing was decoded.

    width, height: pixels as stored, before any EXIF orientation. Where a file names several
        sizes, the largest that a decoder would allocate.
    frames: pictures in the container, 1 for a still.
    progressive: a JPEG whose decoder holds all coefficients in memory.
    unended: a JPEG without EOI, which is decoded at full size to see whether pixels are missing.
    alpha: whether it may be transparent; known for PNG, WebP, AVIF and HEIC. Used only by
        the cost estimate, so comparisons ignore it.
    bytes_per_pixel: of memory while it is decoded; more than 4 only for TIFF. Comparisons ignore
        it too.
    composed: a WebP of frames, maybe of one, that are placed on a canvas, which takes more memory
        while it is decoded. Comparisons ignore it too.
    """

    kind: ImageType
    width: int
    height: int
    frames: int
    progressive: bool = False
    unended: bool = False
    alpha: bool = field(default=False, compare=False)
    bytes_per_pixel: float = field(default=4, compare=False)
    composed: bool = field(default=False, compare=False)

    @property
    def is_animated(self) -> bool:
        """Whether all frames are read. For other types only the first frame is used."""
        return self.kind.facts.reads_animation and self.frames > 1

    def stays_animated(self, to: ImageType) -> bool:
        """Whether an output of that type is an animation too, and not just its first frame."""
        return self.is_animated and to.facts.writes_animation


def probe(data: bytes) -> Probe:
    """The type, stored size in pixels and frame count of a whole uploaded file.

    Raises UnsupportedImageError for any other type and for a HEIF file without a picture in HEVC,
    and CorruptImageError where the file is empty, or its header breaks off or makes no sense.
    """
    if not data:
        raise CorruptImageError("This file is empty; send it again")
    kind = type_of(data)
    if kind is None:
        raise UnsupportedImageError(f"{NOT_AN_IMAGE}. Supported are {_SUPPORTED}")
    try:
        measured = _MEASURES[kind](data)
        alpha = kind in _ALPHAS and _ALPHAS[kind](data)
    except (ValueError, IndexError, struct.error):
        measured, alpha = Measured(0, 0), False
    if min(measured.width, measured.height, measured.frames) < 1:
        raise CorruptImageError(
            f"The header of this {kind.facts.label} image is damaged or cut short"
        )
    measured = measured._replace(frames=min(measured.frames, MAX_FRAMES))
    return Probe(kind, **measured._asdict(), alpha=alpha)


def check_limits(probe: Probe, max_pixels: int, max_frames: int) -> None:
    """Refuse what would cost too much to decode.

    max_pixels: width times height of one frame. max_frames: pictures in the container.
    Raises TooManyPixelsError or TooManyFramesError.
    """
    if max(probe.width, probe.height) > _MAX_SIDE:
        raise TooManyPixelsError(
            f"The image has {probe.width} x {probe.height} pixels; "
            f"at most {_MAX_SIDE} pixels per side are allowed"
        )
    if probe.width * probe.height > max_pixels:
        raise TooManyPixelsError(
            f"The image has {probe.width} x {probe.height} pixels; "
            f"at most {max_pixels / 1e6:g} megapixels are allowed"
        )
    most = max_pixels * min(1, _MAX_BYTES_PER_PIXEL / probe.bytes_per_pixel)
    if probe.width * probe.height > most:
        raise TooManyPixelsError(
            f"The image has {probe.width} x {probe.height} pixels; "
            f"at most {most / 1e6:.3g} megapixels with so many bits per pixel are allowed"
        )
    if probe.frames > max_frames:
        raise TooManyFramesError(
            f"The image has {probe.frames} frames; at most {max_frames} are allowed"
        )


def check_animation(probe: Probe, to: ImageType, max_pixels: int) -> None:
    """Refuse an animation that would cost too much to encode.

    to: the format asked for; one that only holds the first frame has no limit here.
    max_pixels: width times height times frames. Raises TooManyFramesError.
    """
    pixels = probe.width * probe.height * probe.frames
    if probe.stays_animated(to) and pixels > max_pixels:
        raise TooManyFramesError(
            f"The animation has {probe.frames} frames of {probe.width} x {probe.height} pixels, "
            f"{pixels / 1e6:g} megapixels together; at most {max_pixels / 1e6:g} are allowed"
        )
