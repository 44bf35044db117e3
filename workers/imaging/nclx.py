"""Colours told by numbers, as in HEIC's nclx box, to an ICC profile that says the same.

The numbers are those of ITU-T H.273 (V4, 07/2024): ColourPrimaries and TransferCharacteristics.
"""

import struct
from collections.abc import Callable
from functools import lru_cache

_Vector = tuple[float, float, float]

# Table 2: x and y of red, green, blue and white.
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_SMPTE_C = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
_PRIMARIES = {
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _SMPTE_C,
    7: _SMPTE_C,
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
}
# Of what a screen shows, this is paper white, ITU-R BT.2408: what is brighter is cut off.
_WHITE = 203.0  # cd/m²
_STEPS = 4096  # of a curve: PQ is steep at its foot
_D50 = (0.9642, 1.0, 0.8249)  # ICC.1, 7.2.16
# Bradford, ICC.1:2022 annex E.3
_CONES = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


@lru_cache(maxsize=16)
def profile_of(primaries: int, transfer: int) -> bytes | None:
    """An ICC profile for these numbers, or None where they say sRGB, nothing or nonsense.

    The curves of BT.709, BT.601 and BT.2020 are taken for sRGB's, as browsers do.
    """
    curve = _CURVES.get(transfer)
    if primaries not in _PRIMARIES and curve is None:
        return None
    red, green, blue, white = _PRIMARIES.get(primaries, _BT709)
    columns = _colorants((red, green, blue), white)
    return _profile(columns, curve or _srgb)


def _srgb(value: float) -> float:
    """IEC 61966-2-1: from a coded value to linear light, both from 0 to 1."""
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _pq(value: float) -> float:
    """SMPTE ST 2084, by paper white."""
    root = value ** (1 / 78.84375)
    light = max(0.0, root - 0.8359375) / (18.8515625 - 18.6875 * root)
    return float(10_000 * light ** (1 / 0.1593017578125) / _WHITE)


def _hlg(value: float) -> float:
    """ARIB STD-B67 on a screen of 1000 cd/m² (ITU-R BT.2100, system gamma 1.2), by paper white."""
    scene = value * value / 3
    if value > 0.5:
        scene = (2.718281828459045 ** ((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return float(1_000 * scene**1.2 / _WHITE)


_CURVES: dict[int, Callable[[float], float]] = {
    4: lambda value: value**2.2,
    5: lambda value: value**2.8,
    8: lambda value: value,
    16: _pq,
    18: _hlg,
}


def _colorants(
    corners: tuple[tuple[float, float], ...], white: tuple[float, float]
) -> list[_Vector]:
    """X, Y and Z of each primary at full light, seen by eyes used to D50."""
    shares = [_xyz(corner) for corner in corners]
    there = _xyz(white)
    scales = _solve(shares, there)
    adapted = []
    cones_there, cones_here = _times(_CONES, there), _times(_CONES, _D50)
    for share, scale in zip(shares, scales, strict=True):
        seen = _times(_CONES, share)
        x, y, z = (
            scale * value * here / before
            for value, here, before in zip(seen, cones_here, cones_there, strict=True)
        )
        adapted.append(_solve(list(zip(*_CONES, strict=True)), (x, y, z)))
    return adapted


def _xyz(place: tuple[float, float]) -> _Vector:
    x, y = place
    return x / y, 1.0, (1 - x - y) / y


def _times(rows: tuple[_Vector, ...], vector: _Vector) -> _Vector:
    a, b, c = (sum(x * y for x, y in zip(row, vector, strict=True)) for row in rows)
    return a, b, c


def _solve(columns: list[_Vector], target: _Vector) -> _Vector:
    """How much of each column makes up the target (Cramer's rule)."""
    whole = _volume(*columns)
    a, b, c = columns
    return (
        _volume(target, b, c) / whole,
        _volume(a, target, c) / whole,
        _volume(a, b, target) / whole,
    )


def _volume(a: _Vector, b: _Vector, c: _Vector) -> float:
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        - b[0] * (a[1] * c[2] - a[2] * c[1])
        + c[0] * (a[1] * b[2] - a[2] * b[1])
    )


def _profile(colorants: list[_Vector], curve: Callable[[float], float]) -> bytes:
    """A display profile of version 2, ICC.1:2001-04: three colorants and one curve."""
    steps = (min(1.0, curve(step / (_STEPS - 1))) for step in range(_STEPS))
    table = struct.pack(f">{_STEPS}H", *(round(65535 * step) for step in steps))
    shape = b"curv" + bytes(4) + struct.pack(">I", _STEPS) + table
    tags = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78))]
    tags += [(b"wtpt", _point(_D50))]
    for name, colorant in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags += [(name + b"XYZ", _point(colorant)), (name + b"TRC", shape)]
    listed, body = b"", b""
    first = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        listed += name + struct.pack(">II", first + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12x4s", first + len(body), b"", 0x0240_0000, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    head = head.ljust(68, b"\0") + _point(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + listed + body


def _point(xyz: _Vector) -> bytes:
    """XYZType, in s15Fixed16Number."""
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in xyz))
