"""jpegli's own functions: they write progressive JPEGs, which its Python face does not.

The functions are those of pyjpegli's extension module. Their structures are those of libjpeg 6b
(jpeglib.h, version 62), which its callers are compiled with, so they stay as they are.
"""

import ctypes
from collections.abc import Iterator
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_size_t,
    c_uint,
    c_ulong,
    c_void_p,
    cast,
)

import pyjpegli

_VERSION, _COMPRESS_BYTES = 62, 520
_ERROR_BYTES = 256  # libjpeg's has 168
_RGB = 2
_DEFAULTS = 8, 3  # bits and components that jpegli sets, if the structure is the one it means
_ROWS_PER_CALL = 64

# From this encoder quality on, fewer bytes if the lowest bits of luma have a scan of their own.
_LOWEST_BITS_APART_MIN_QUALITY = 80


class _Scan(Structure):
    _fields_ = (
        ("count", c_int),
        ("components", c_int * 4),
        *((name, c_int) for name in ("first", "last", "bits_before", "bits_left")),
    )


class _Component(Structure):
    _fields_ = tuple((name, c_int) for name in ("id", "index", "across", "down"))


class _Compress(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("error", "memory", "progress", "client_data")),
        *((name, c_int) for name in ("is_decompressor", "state")),
        ("destination", c_void_p),
        *((name, c_uint) for name in ("width", "height")),
        *((name, c_int) for name in ("channels", "colour_space")),
        ("gamma", c_double),
        *((name, c_int) for name in ("precision", "components", "jpeg_colour_space")),
        ("component", POINTER(_Component)),
        ("quantisation", c_void_p * 4),
        ("huffman", c_void_p * 8),
        ("arithmetic", c_char * 48),
        ("scan_count", c_int),
        ("scans", POINTER(_Scan)),
        *((name, c_int) for name in ("raw_data", "arithmetic_coding", "optimised")),
    )


def _script(*, lowest_bits_apart: bool) -> "ctypes.Array[_Scan]":
    """One component per scan, its first two AC coefficients apart, as they are the largest.

    jpegli makes Huffman tables for each scan, so what is unlike should be apart.
    """
    scans = [(component, 0, 0, 0, 0) for component in range(3)]
    for component in range(3):
        scans += [(component, 1, 1, 0, 0), (component, 2, 2, 0, 0)]
        if component == 0 and lowest_bits_apart:
            scans += [(0, 3, 63, 0, 1), (0, 3, 63, 1, 0)]
        else:
            scans.append((component, 3, 63, 0, 0))
    return (_Scan * len(scans))(*(_Scan(1, (each[0],), *each[1:]) for each in scans))


_SCRIPT, _SCRIPT_OF_BITS = (_script(lowest_bits_apart=apart) for apart in (False, True))


def _load() -> ctypes.CDLL | None:
    library = ctypes.CDLL(pyjpegli.__file__)
    if ctypes.sizeof(c_void_p) != 8 or not hasattr(library, "jpegli_CreateCompress"):
        return None
    library.jpegli_std_error.restype = c_void_p
    return library


_library = _load()
_libc = ctypes.CDLL(None)


def is_available() -> bool:
    """Not where pyjpegli exports no functions, or on processors of 32 bits."""
    return _library is not None


def encode(pixels: bytes, size: tuple[int, int], quality: int) -> bytes:
    """A progressive JPEG in 4:2:0 with the same pixels as `pyjpegli.encode` would give.

    pixels: packed RGB. quality: jpegli's own, 1 to 100. An error in jpegli ends the process; with
    sides that JPEG allows the only one is a lack of memory. Raises ImportError for an unknown
    version of pyjpegli, or if it is not available.
    """
    if _library is None:
        raise ImportError("This pyjpegli does not export the functions of jpegli")
    error = ctypes.create_string_buffer(_ERROR_BYTES)
    memory = ctypes.create_string_buffer(_COMPRESS_BYTES)
    settings = _Compress.from_buffer(memory)
    settings.error = _library.jpegli_std_error(error)
    target = byref(settings)
    out, length = c_void_p(), c_ulong()
    _library.jpegli_CreateCompress(target, _VERSION, c_size_t(_COMPRESS_BYTES))
    try:
        _library.jpegli_mem_dest(target, byref(out), byref(length))
        _set(_library, settings, size, quality)
        _library.jpegli_start_compress(target, True)
        for rows in _rows(pixels, size):
            _library.jpegli_write_scanlines(target, rows, len(rows))
        _library.jpegli_finish_compress(target)
        return ctypes.string_at(out, length.value)
    finally:
        _library.jpegli_destroy_compress(target)
        _libc.free(out)


def _set(library: ctypes.CDLL, settings: _Compress, size: tuple[int, int], quality: int) -> None:
    target = byref(settings)
    settings.width, settings.height = size
    settings.channels, settings.colour_space = 3, _RGB
    library.jpegli_set_defaults(target)
    if (settings.precision, settings.components) != _DEFAULTS:
        raise ImportError("jpegli's structures are not those of libjpeg 6b")
    settings.component[0].across = settings.component[0].down = 2  # luma against chroma
    library.jpegli_set_quality(target, quality, True)
    script = _SCRIPT_OF_BITS if quality >= _LOWEST_BITS_APART_MIN_QUALITY else _SCRIPT
    settings.scan_count, settings.scans = len(script), script
    settings.optimised = 1


def _rows(pixels: bytes, size: tuple[int, int]) -> Iterator["ctypes.Array[c_void_p]"]:
    """The addresses of the rows, some at a time. Valid as long as the pixels are."""
    width, height = size
    first = cast(c_char_p(pixels), c_void_p).value or 0
    for top in range(0, height, _ROWS_PER_CALL):
        rows = range(top, min(top + _ROWS_PER_CALL, height))
        yield (c_void_p * len(rows))(*(first + row * width * 3 for row in rows))
