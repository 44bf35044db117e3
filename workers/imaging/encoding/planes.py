"""Y, Cb and Cr of an image as AV1 encodes them, rounded and not cut off."""

from collections.abc import Sequence

from PIL import Image

# BT.601 in full range, Cb and Cr around 128 (ITU-T T.871, 7). Pillow rounds the sums; its own
# conversion to YCbCr is off by up to a half.
_TO_YCBCR = (
    *(0.299, 0.587, 0.114, 0),
    *(-0.168735892, -0.331264108, 0.5, 128),
    *(0.5, -0.418687589, -0.081312411, 128),
)
_STRIP_ROWS = 256  # even, since rows of half the colour come from two


def colour_planes(image: Image.Image, *, half_colour: bool) -> Sequence[bytearray]:
    """Y, Cb and Cr of an image, whose alpha does not count; Y alone of L and LA.

    half_colour: Cb and Cr have half the sides, rounded up, by the mean of four pixels. Strip by
    strip, so that all pixels are held once beside the planes.
    """
    if image.mode in ("L", "LA"):
        return [plane(image, "L")]
    planes = [bytearray(), bytearray(), bytearray()]
    for top in range(0, image.height, _STRIP_ROWS):
        box = (0, top, image.width, min(top + _STRIP_ROWS, image.height))
        strip = image.crop(box)
        colours = strip if strip.mode == "RGB" else strip.convert("RGB")  # which copies RGB, too
        luma, *chroma = colours.convert("RGB", _TO_YCBCR).split()
        bands = [luma, *(band.reduce(2) for band in chroma)] if half_colour else [luma, *chroma]
        for whole, band in zip(planes, bands, strict=True):
            whole += band.tobytes()
    return planes


def plane(image: Image.Image, band: str) -> bytearray:
    """One band of the image, as it is."""
    return bytearray(image.getchannel(band).tobytes())
