"""HEIC, by libheif and libde265 through pillow-heif."""

import io

import pillow_heif
from PIL import Image

from workers.imaging.colour.nclx import codes_of

# Only the primary picture: no thumbnail in its place, no depth, and no gain map, without which the
# picture is complete. An image may use only one core here.
pillow_heif.register_heif_opener(
    thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
)


def open_heif(data: bytes) -> Image.Image:
    """The primary picture, which turns itself by irot and imir while it loads.

    If its colour space is named by numbers (nclx), they are in `info` as `cicp`; pillow-heif does
    not return them beside an embedded profile. Raises what Pillow raises.
    """
    image = Image.open(io.BytesIO(data), formats=["HEIF"])
    nclx = image.info.get("nclx_profile")
    if nclx:
        image.info["cicp"] = codes_of(nclx["color_primaries"], nclx["transfer_characteristics"])
    return image
