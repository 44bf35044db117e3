"""A PNG with 16 bits per channel keeps them if nothing but a smaller file is asked for."""

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.imagetype import ImageType
from shared.models import Encoding
from tests.workers.imaging.making import png, run
from tests.workers.imaging.planting import deep


@pytest.mark.parametrize(("channels", "colour"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_a_png_of_16_bits_keeps_all_of_them(channels: int, colour: int) -> None:
    data = deep(40, 30, channels, colour)
    output = run(data, ImageType.PNG)
    assert output.encoding in (Encoding.LOSSLESS, Encoding.ORIGINAL)
    assert np.array_equal(wide(output.data, channels), wide(data, channels))


def test_a_png_of_16_bits_that_compresses_better_is_lossless() -> None:
    rows = (np.arange(64 * 64) * 7).astype(">u2").reshape(64, 64)
    data = png((64, 64, 16, 0), b"".join(b"\0" + row.tobytes() for row in rows))
    output = run(data, ImageType.PNG)
    assert output.encoding is Encoding.LOSSLESS
    assert np.array_equal(wide(output.data, 1)[:, :, 0], rows)


def test_a_resized_png_of_16_bits_has_8() -> None:
    output = run(deep(40, 30, 3, 2), ImageType.PNG, max_width=20)
    assert output.data[24] == 8


def wide(data: bytes, channels: int) -> NDArray[np.uint16]:
    """The channels of a 16-bit PNG without interlacing, which Pillow reduces to 8 bits."""
    width, height, depth = struct.unpack_from(">IIB", data, 16)
    assert depth == 16
    at, stream = 8, b""
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        stream += data[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    raw, step, size = zlib.decompress(stream), 2 * channels, 2 * channels * width
    above, rows = bytes(size), b""
    for start in range(0, len(raw), size + 1):
        above = _unfiltered(raw[start], raw[start + 1 : start + 1 + size], above, step)
        rows += above
    return np.frombuffer(rows, ">u2").reshape(height, width, channels)


def _unfiltered(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    """A row without its filter: PNG, third edition, 9.2."""
    out = bytearray(row)
    for at in range(len(row)):
        left, corner = (out[at - step], above[at - step]) if at >= step else (0, 0)
        guess = left + above[at] - corner
        paeth = min((left, above[at], corner), key=lambda value: abs(guess - value))
        out[at] = row[at] + (0, left, above[at], (left + above[at]) // 2, paeth)[kind] & 255
    return bytes(out)
