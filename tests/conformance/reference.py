"""What a colour must look like in sRGB, straight from the definitions and without any engine."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]  # whole numbers go in, fractions come out

# CIE x and y of white, red, green and blue, in the order of PNG's cHRM.
BT709 = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # IEC 61966-2-1
DISPLAY_P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)  # SMPTE EG 432-1, D65
ADOBE_RGB = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)  # Adobe RGB (1998), 4.3.1
BT2020 = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)  # ITU-R BT.2020, table 3
# Of ROMM RGB (ISO 22028-2) white and red, and green and blue a little within its own, which are
# no colours that there are.
WIDE = (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0900, 0.0300)

_D50 = np.array([0.9642, 1.0, 0.8249])  # ICC.1:2022, 7.2.16
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def colorants(chromaticities: tuple[float, ...]) -> Values:
    """Rows of XYZ under D50 for red, green and blue: SMPTE RP 177, then Bradford's adaptation."""
    x, y = np.array(chromaticities).reshape(4, 2).T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white, primaries = xyz[:, 0], xyz[:, 1:]
    own = primaries * np.linalg.solve(primaries, white)
    gains = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    return np.asarray((np.linalg.inv(_BRADFORD) @ gains @ _BRADFORD @ own).T)


def encoded(light: Values) -> Values:
    """IEC 61966-2-1: linear light as sRGB from 0 to 255; what sRGB cannot show is clipped."""
    light = np.clip(light, 0, 1)
    curved = 1.055 * light ** (1 / 2.4) - 0.055
    return np.asarray(np.where(light <= 0.0031308, light * 12.92, curved) * 255)


def srgb_light(signal: Values) -> Values:
    """IEC 61966-2-1: linear light of a signal from 0 to 1."""
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def bt709_light(signal: Values) -> Values:
    """ITU-R BT.709, item 1.2, turned around."""
    return np.where(signal < 0.081, signal / 4.5, ((signal + 0.099) / 1.099) ** (1 / 0.45))


def power(gamma: float) -> Callable[[Values], Values]:
    """The curve of one exponent."""
    return lambda signal: signal**gamma


def seen(
    rgb: Values, chromaticities: tuple[float, ...], light: Callable[[Values], Values]
) -> Values:
    """Colours of a space (0 to 255, the last axis being RGB) as sRGB from 0 to 255."""
    linear = light(np.asarray(rgb) / 255)
    matrix = colorants(chromaticities) @ np.linalg.inv(colorants(BT709))
    return encoded(linear @ matrix)


def lab_seen(lab: Values) -> Values:
    """CIE L*a*b* under D50 (ISO 11664-4) as sRGB from 0 to 255."""
    lightness, a, b = np.moveaxis(np.asarray(lab, dtype=float), -1, 0)
    middle = (lightness + 16) / 116
    f = np.stack([middle + a / 500, middle, middle - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _D50
    return encoded(xyz @ np.linalg.inv(colorants(BT709)))


def over(rgba: Values, background: float) -> Values:
    """The picture composed over a flat grey, values from 0 to 255, as browsers do: in sRGB."""
    alpha = rgba[..., 3:] / 255
    return np.asarray(rgba[..., :3] * alpha + background * (1 - alpha))
