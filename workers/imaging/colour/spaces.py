"""Colour spaces that a file describes by numbers instead of by an ICC profile.

Each is turned into an ICC profile in memory, so that LittleCMS converts all colour.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_Row = tuple[float, float, float]
_Matrix = tuple[_Row, _Row, _Row]

# CIE x and y of white, red, green and blue, in the order of PNG's cHRM.
Chromaticities = tuple[float, float, float, float, float, float, float, float]

# Of ITU-R BT.709 and of sRGB (IEC 61966-2-1), to the digits that cHRM holds.
BT709: Chromaticities = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

# ICC.1:2022, 6.3.4.3 and annex E: the D50 of the profile connection space, and Bradford's matrix.
_D50: _Row = (0.9642, 1.0, 0.8249)
_BRADFORD: _Matrix = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)

_ROUNDING = 0.002  # writers round: numbers this close to BT.709's mean BT.709

_SRGB_GAMMA = 0.45455  # the gAMA that accompanies an sRGB chunk: PNG, third edition, 11.3.2.5


@dataclass(frozen=True)
class Space:
    """An RGB space. light: the linear light, 0 to 1, of each of the 256 values of a channel."""

    chromaticities: Chromaticities
    light: tuple[float, ...]

    def profile(self) -> bytes:
        """The space as an ICC v2 display profile, whose table of 256 is exact for 8 bits."""
        columns = zip(*_to_d50(self.chromaticities), strict=True)
        curve = b"curv" + struct.pack(">II", 0, 256)
        curve += struct.pack(">256H", *(round(value * 65535) for value in self.light))
        tags = {b"wtpt": _xyz(_D50)}
        for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
            tags |= {name + b"XYZ": _xyz(column), name + b"TRC": curve}
        return _icc(tags)


def space_of(info: Mapping[str | tuple[int, int], Any]) -> Space | None:
    """The space that PNG's gAMA and cHRM describe; None if that is sRGB or not usable.

    info: Pillow's. An sRGB chunk takes precedence over both (PNG, third edition, 11.3.2.1 and
    11.3.2.2). A gAMA of 1/2.2 without other primaries stands for sRGB. cHRM without gAMA does not
    say what the values mean and is ignored, as in browsers.
    """
    gamma = info.get("gamma")
    if not gamma or "srgb" in info or not 0.1 <= gamma <= 2:
        return None
    chromaticities = info.get("chromaticity", BT709)
    if not _is_usable(chromaticities) or _is_close(chromaticities, BT709):
        chromaticities = BT709
    if chromaticities == BT709 and abs(gamma - _SRGB_GAMMA) < 0.01:
        return None
    return Space(chromaticities, tuple((value / 255) ** (1 / gamma) for value in range(256)))


def _is_close(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) < _ROUNDING for a, b in zip(one, other, strict=True))


def _is_usable(chromaticities: Chromaticities) -> bool:
    """Whether white is inside the triangle of primaries, and far enough inside for ICC's range."""
    try:
        columns = zip(*_to_d50(chromaticities), strict=True)
        return all(abs(value) < 4 for column in columns for value in column)
    except (ZeroDivisionError, ValueError):
        return False


def _to_d50(chromaticities: Chromaticities) -> _Matrix:
    """The matrix from linear RGB to XYZ under D50.

    By SMPTE RP 177 to XYZ under the space's own white, then by ICC.1:2022, annex E. Raises
    ValueError or ZeroDivisionError for impossible primaries.
    """
    white, *primaries = (
        (x / y, 1.0, (1 - x - y) / y)
        for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    if min(chromaticities[1::2]) <= 0:
        raise ValueError("a primary without light")
    shape = _transposed((primaries[0], primaries[1], primaries[2]))
    amounts = _times(_inverse(shape), white)
    if min(amounts) <= 0:
        raise ValueError("white lies outside")
    to_xyz = _product(shape, _diagonal(amounts))
    own, d50 = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    gains = _diagonal((d50[0] / own[0], d50[1] / own[1], d50[2] / own[2]))
    return _product(_product(_product(_inverse(_BRADFORD), gains), _BRADFORD), to_xyz)


def _transposed(matrix: _Matrix) -> _Matrix:
    first, second, third = zip(*matrix, strict=True)
    return first, second, third


def _diagonal(values: _Row) -> _Matrix:
    return (values[0], 0, 0), (0, values[1], 0), (0, 0, values[2])


def _times(matrix: _Matrix, column: _Row) -> _Row:
    first, second, third = (sum(a * b for a, b in zip(row, column, strict=True)) for row in matrix)
    return first, second, third


def _product(left: _Matrix, right: _Matrix) -> _Matrix:
    first, second, third = (_times(left, column) for column in _transposed(right))
    return _transposed((first, second, third))


def _inverse(matrix: _Matrix) -> _Matrix:
    """By Cramer's rule; raises ZeroDivisionError if the matrix has no inverse."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det),
        ((f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det),
        ((d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det),
    )


def _xyz(values: _Row) -> bytes:
    """XYZType, ICC.1:2022, 10.31: three fixed-point numbers with 16 fractional bits."""
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _icc(tags: dict[bytes, bytes]) -> bytes:
    """Header, tag table and tags of an RGB display profile, ICC.1:2001, 6.1 and 6.2."""
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp" + bytes(28) + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
