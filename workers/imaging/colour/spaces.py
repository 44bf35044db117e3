"""Colour spaces that a file describes by numbers instead of by an ICC profile.

Each is written as an ICC profile in memory, so that one engine does all colour.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_Row = tuple[float, float, float]
_Matrix = tuple[_Row, _Row, _Row]

# CIE x and y of white, red, green and blue, in the order of PNG's cHRM.
Chromaticities = tuple[float, float, float, float, float, float, float, float]

# ITU-R BT.709 and IEC 61966-2-1 alike, to the digits that cHRM holds.
BT709: Chromaticities = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

# ICC.1:2022, 6.3.4.3 and annex E: the D50 of the profile connection space, and Bradford's matrix.
_D50: _Row = (0.9642, 1.0, 0.8249)
_BRADFORD: _Matrix = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)

# Writers round: what is this near to BT.709 in all of its eight numbers means it.
_NEAR = 0.002

_SRGB_GAMMA = 0.45455  # what PNG, third edition, 11.3.2.5 has beside every sRGB chunk


@dataclass(frozen=True)
class Space:
    """Primaries and white of RGB, and the light of each of its 256 values from 0 to 1."""

    chromaticities: Chromaticities
    light: tuple[float, ...]

    def profile(self) -> bytes:
        """The space as an ICC v2 display profile. Its table of 256 is exact for 8 bits."""
        columns = zip(*_to_d50(self.chromaticities), strict=True)
        curve = b"curv" + struct.pack(">II", 0, 256)
        curve += struct.pack(">256H", *(round(value * 65535) for value in self.light))
        tags = {b"wtpt": _xyz(_D50)}
        for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
            tags |= {name + b"XYZ": _xyz(column), name + b"TRC": curve}
        return _icc(tags)


def space_of(info: Mapping[str | tuple[int, int], Any]) -> Space | None:
    """What PNG's gAMA and cHRM say, or None where that is sRGB or nothing of use.

    info: as Pillow names it. PNG, third edition, 11.3.2.1 and 11.3.2.2: an sRGB chunk outranks
    both. A gAMA of 1/2.2 without other primaries stands for sRGB, whose chunk comes with it.
    cHRM without gAMA leaves open what the values mean and is passed over, as browsers do.
    """
    gamma = info.get("gamma")
    if not gamma or "srgb" in info or not 0.1 <= gamma <= 2:
        return None
    chromaticities = info.get("chromaticity", BT709)
    if not _is_sane(chromaticities) or _is_near(chromaticities, BT709):
        chromaticities = BT709
    if chromaticities == BT709 and abs(gamma - _SRGB_GAMMA) < 0.01:
        return None
    return Space(chromaticities, tuple((value / 255) ** (1 / gamma) for value in range(256)))


def _is_near(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) < _NEAR for a, b in zip(one, other, strict=True))


def _is_sane(chromaticities: Chromaticities) -> bool:
    """Whether white lies within the triangle, and nothing so near its edge that ICC cannot say."""
    try:
        columns = zip(*_to_d50(chromaticities), strict=True)
        return all(abs(value) < 4 for column in columns for value in column)
    except (ZeroDivisionError, ValueError):
        return False


def _to_d50(chromaticities: Chromaticities) -> _Matrix:
    """The matrix from linear RGB to XYZ under D50; ValueError for impossible primaries.

    SMPTE RP 177 for the matrix under the space's own white, ICC.1:2022 annex E for the rest.
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
    own = _product(shape, _diagonal(amounts))
    seen, wanted = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    gains = _diagonal((wanted[0] / seen[0], wanted[1] / seen[1], wanted[2] / seen[2]))
    return _product(_product(_product(_inverse(_BRADFORD), gains), _BRADFORD), own)


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
    """By Cramer's rule; ZeroDivisionError where there is none."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / whole, (c * h - b * i) / whole, (b * f - c * e) / whole),
        ((f * g - d * i) / whole, (a * i - c * g) / whole, (c * d - a * f) / whole),
        ((d * h - e * g) / whole, (b * g - a * h) / whole, (a * e - b * d) / whole),
    )


def _xyz(values: _Row) -> bytes:
    """XYZType, ICC.1:2022, 10.31: three numbers of 16 bits behind the point."""
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
