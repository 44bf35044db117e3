"""Colour by the code points of ITU-T H.273: PNG's cICP chunk, the nclx box of HEIC and AVIF.

HDR (PQ and HLG) is brighter than 8-bit sRGB can be, so it is tone mapped, channel by channel:
HDR's reference white of 203 cd/m² (ITU-R BT.2408) becomes about white, luminances below 90 cd/m²
stay, and from there to 1000 cd/m² the curve of ITU-R BT.2390 rolls off. Brighter is white.
"""

import math
from collections.abc import Callable
from functools import lru_cache

from workers.imaging.colour.spaces import BT709, Chromaticities, Space

Codes = tuple[int, int, int, int]  # primaries, transfer, matrix, 1 for full range

_D65 = (0.3127, 0.3290)

# H.273, table 2. Left out: 2 is "unspecified", 8 and 10 are for film and cinema masters.
PRIMARIES: dict[int, Chromaticities] = {
    1: BT709,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}

_WHITE = 203.0  # cd/m², ITU-R BT.2408: a sheet of white paper in HDR
_PEAK = 1000.0  # cd/m²: HLG's nominal peak (ITU-R BT.2100), and that of most PQ masters


@lru_cache(maxsize=16)
def space_of_codes(codes: Codes) -> Space | None:
    """The colour space of the codes, or None if we do not know it.

    codes: for pixels in RGB, so the matrix must be 0 (PNG, third edition, 11.3.2.6).
    """
    primaries, transfer, matrix, full = codes
    light = TRANSFERS.get(transfer)
    if primaries not in PRIMARIES or light is None or matrix != 0 or full > 1:
        return None
    signals = (value / 255 if full else (value - 16) / 219 for value in range(256))
    return Space(PRIMARIES[primaries], tuple(light(min(1, max(0, x))) for x in signals))


def bt709_light(signal: float) -> float:
    """Linear light of a signal by the camera curve that BT.709 to BT.2020 share."""
    if signal < 0.0812429:
        return signal / 4.5
    return float(((signal + 0.0992968) / 1.0992968) ** (1 / 0.45))


def bt709_signal(light: float) -> float:
    """The inverse of `bt709_light`."""
    return 4.5 * light if light < 0.0180540 else float(1.0992968 * light**0.45 - 0.0992968)


def _srgb(signal: float) -> float:
    """Linear light of a signal by IEC 61966-2-1."""
    return signal / 12.92 if signal <= 0.04045 else float(((signal + 0.055) / 1.055) ** 2.4)


def _pq(signal: float) -> float:
    """Luminance of a signal in cd/m², by SMPTE ST 2084 as in ITU-R BT.2100."""
    root = signal ** (32 / 2523)
    share = max(0.0, root - 0.8359375) / (18.8515625 - 18.6875 * root)
    return 10_000 * float(share ** (8192 / 1305))


def _pq_signal(luminance: float) -> float:
    """The inverse of `_pq`."""
    power = (luminance / 10_000) ** (1305 / 8192)
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32))


def _hlg(signal: float) -> float:
    """Luminance of a signal in cd/m² on a display of 1000, by ITU-R BT.2100.

    The display's gamma of 1.2 is meant for the luminance of all channels. Here it is applied to
    each channel, which is the same for grey and makes strong colours a little stronger.
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = signal**2 / 3 if signal <= 0.5 else (math.exp((signal - c) / a) + b) / 12
    return _PEAK * float(scene**1.2)


def _rolled_off(luminance: float) -> float:
    """A luminance in cd/m² as a share of white, by the EETF of ITU-R BT.2390, 5.4.1, black at 0."""
    top = _pq_signal(_PEAK)
    white = _pq_signal(_WHITE) / top
    signal = min(1.0, _pq_signal(luminance) / top)
    knee = 1.5 * white - 0.5
    if signal > knee:
        t = (signal - knee) / (1 - knee)
        signal = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (3 * t**2 - 2 * t**3) * white
        )
    return min(1.0, _pq(signal * top) / _WHITE)


# H.273, table 3. Left out: the logarithmic ones, 7 and 17, which images on the web do not have.
TRANSFERS: dict[int, Callable[[float], float]] = {
    1: bt709_light,
    4: lambda signal: signal**2.2,
    5: lambda signal: signal**2.8,
    6: bt709_light,
    8: lambda signal: signal,
    13: _srgb,
    14: bt709_light,
    15: bt709_light,
    16: lambda signal: _rolled_off(_pq(signal)),
    18: lambda signal: _rolled_off(_hlg(signal)),
}
