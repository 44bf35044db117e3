"""HEIC, by libheif and libde265 through pillow-heif."""

import io

import pillow_heif
from PIL import Image

from workers.imaging.colour import constant_luminance
from workers.imaging.colour.nclx import (
    BT2020_CONSTANT,
    check_matrix,
    codes_of,
    matrix_of,
    nclx_of,
)

# Only the primary picture: no thumbnail in its place, no depth, and no gain map, without which the
# picture is complete. An image may use only one core here.
pillow_heif.register_heif_opener(
    thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
)


def open_heif(data: bytes) -> Image.Image:
    """The primary picture, which turns itself by irot and imir while it loads.

    If its colour space is named by numbers (nclx), they are in `info` as `cicp`; pillow-heif does
    not return them beside an embedded profile. Raises what Pillow raises, and UnsupportedImageError
    for colours that cannot be converted.
    """
    stored = nclx_of(data)
    if stored:
        check_matrix(matrix_of(stored))  # here, since libheif does not open a file with matrix 3
    image = Image.open(io.BytesIO(data), formats=["HEIF"])
    nclx = image.info.get("nclx_profile")
    if nclx:
        image.info["cicp"] = codes_of(nclx["color_primaries"], nclx["transfer_characteristics"])
    return image


def shown(image: Image.Image) -> Image.Image:
    """What a decoded picture shows: libheif converts constant luminance as if by matrix 9."""
    nclx = image.info.get("nclx_profile")
    constant = nclx and nclx["matrix_coefficients"] == BT2020_CONSTANT
    return constant_luminance.corrected(image) if constant else image
