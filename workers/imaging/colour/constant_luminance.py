"""ITU-R BT.2020's constant luminance: matrix 10 of ITU-T H.273, which no decoder at hand knows."""

from functools import lru_cache

from PIL import Image, ImageFilter

from workers.imaging.colour.cicp import bt709_light, bt709_signal

# Luminance of red, green and blue, and how many signals a colour difference of 1 stands for.
_KR, _KG, _KB = 0.2627, 0.6780, 0.0593
_USUAL_RED, _USUAL_BLUE = 2 * (1 - _KR), 2 * (1 - _KB)  # matrix 9
_RED, _BLUE = (1.7184, 0.9936), (1.9404, 1.5816)  # below and above 0: BT.2020-2, table 4

# Grid points per channel: the curves between them are off by less than 1 of 255.
_POINTS = 33


def corrected(image: Image.Image) -> Image.Image:
    """A picture of constant luminance that was decoded as if by matrix 9.

    Exact but for colours that matrix 9 makes brighter than white, which its decoder has cut off.
    """
    if image.mode not in ("RGB", "RGBA"):
        return image  # grey is luminance alone
    shown: Image.Image = image.filter(_table())
    shown.info = image.info
    return shown


@lru_cache(maxsize=1)
def _table() -> ImageFilter.Color3DLUT:
    return ImageFilter.Color3DLUT.generate(_POINTS, _converted)


def _converted(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """One colour, 0 to 1 a channel: back to brightness and differences, then by BT.2020-2."""
    y = _KR * red + _KG * green + _KB * blue
    cr, cb = (red - y) / _USUAL_RED, (blue - y) / _USUAL_BLUE
    red, blue = y + _RED[cr > 0] * cr, y + _BLUE[cb > 0] * cb
    rest = _light(y) - _KR * _light(red) - _KB * _light(blue)
    return red, bt709_signal(max(0.0, rest) / _KG), blue


def _light(signal: float) -> float:
    return bt709_light(max(0.0, signal))
