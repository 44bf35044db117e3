"""libavif's own functions: they take the planes that are encoded.

Through the plugin libavif takes RGB, and converts it by libyuv, which cuts off what it should
round: that costs 1 to 3 % of the bytes at one score (docs/encoders.md). The functions are those of
the library that the plugin has loaded. Of its structures only beginnings are used here; within one
major version fields are added at the end (avif.h).
"""

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_char_p,
    c_int,
    c_size_t,
    c_uint16,
    c_uint32,
    c_void_p,
)
from typing import Literal

from pillow_avif import _avif

from shared.errors import ImageError

Subsampling = Literal["4:4:4", "4:2:0", "4:0:0"]

_FORMATS = {"4:4:4": 1, "4:2:0": 3, "4:0:0": 4}
_FULL_RANGE = 1
_AOM = 1
_SRGB = 1, 13, 6  # primaries of BT.709, sRGB's transfer, matrix of BT.601 (ITU-T H.273)
_UNSPECIFIED = 2, 2, 2


class _Data(Structure):
    _fields_ = (("data", c_void_p), ("size", c_size_t))


class _Image(Structure):
    _fields_ = (
        *((name, c_uint32) for name in ("width", "height", "depth")),
        *((name, c_int) for name in ("format", "range", "chroma_position")),
        ("planes", c_void_p * 3),
        ("row_bytes", c_uint32 * 3),
        ("owns_planes", c_int),
        ("alpha", c_void_p),
        ("alpha_row_bytes", c_uint32),
        *((name, c_int) for name in ("owns_alpha", "alpha_premultiplied")),
        ("icc", _Data),
        *((name, c_uint16) for name in ("primaries", "transfer", "matrix")),
    )


class _Encoder(Structure):
    _fields_ = (
        *((name, c_int) for name in ("codec", "threads", "speed", "keyframe_interval")),
        ("timescale", ctypes.c_uint64),
        *((name, c_int) for name in ("repetitions", "layers", "quality", "alpha_quality")),
    )


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(_avif.__file__)  # looks into what it depends on, too
    library.avifVersion.restype = c_char_p
    library.avifImageCreate.restype = POINTER(_Image)
    library.avifEncoderCreate.restype = POINTER(_Encoder)
    library.avifResultToString.restype = c_char_p
    version = library.avifVersion().decode()
    if not version.startswith("1."):
        raise ImportError(f"libavif {version} is not known here; install pillow-avif-plugin 1.x")
    return library


_library = _load()


def encode(
    size: tuple[int, int],
    subsampling: Subsampling,
    planes: Sequence[bytearray],
    alpha: bytearray | None,
    quality: int,
    speed: int,
    options: Mapping[str, str],
) -> bytes:
    """A still in sRGB, by libaom on one thread.

    planes: Y, or Y, Cb and Cr in 8 bits, full range, by the matrix of BT.601, rows without gaps;
    at 4:2:0 Cb and Cr have half the sides, rounded up. alpha: one that is opaque everywhere is left
    out. quality: libavif's own, 0 to 100. options: libaom's. Raises ImageError.
    """
    image = _library.avifImageCreate(*size, 8, _FORMATS[subsampling])
    encoder = _library.avifEncoderCreate()
    out = _Data()
    try:
        _fill(image.contents, planes, alpha)
        _set(encoder, quality, speed, options)
        _check(_library.avifEncoderWrite(encoder, image, byref(out)))
        return ctypes.string_at(out.data, out.size)
    finally:
        _library.avifRWDataFree(byref(out))
        _library.avifEncoderDestroy(encoder)
        _library.avifImageDestroy(image)


def _fill(image: _Image, planes: Sequence[bytearray], alpha: bytearray | None) -> None:
    if (image.primaries, image.transfer, image.matrix) != _UNSPECIFIED:
        raise ImportError("libavif's structures are not those of version 1")
    image.range = _FULL_RANGE
    image.primaries, image.transfer, image.matrix = _SRGB
    half = (image.width + 1) // 2 if image.format == _FORMATS["4:2:0"] else image.width
    for index, plane in enumerate(planes):
        image.planes[index] = _address(plane)
        image.row_bytes[index] = half if index else image.width
    if alpha is not None:
        image.alpha, image.alpha_row_bytes = _address(alpha), image.width


def _address(plane: bytearray) -> int:
    """Valid as long as the plane is, which its caller keeps."""
    return ctypes.addressof(ctypes.c_char.from_buffer(plane))


def _set(
    encoder: "ctypes._Pointer[_Encoder]", quality: int, speed: int, options: Mapping[str, str]
) -> None:
    settings = encoder.contents
    settings.codec, settings.threads, settings.speed = _AOM, 1, speed
    settings.quality = settings.alpha_quality = quality
    for name, value in options.items():
        _check(_library.avifEncoderSetCodecSpecificOption(encoder, name.encode(), value.encode()))


def _check(result: int) -> None:
    if result:
        reason = _library.avifResultToString(result).decode()
        raise ImageError(f"The image could not be encoded as AVIF: {reason}")
