"""HEIC, by libheif and libde265 through pillow-heif."""

import io

import pillow_heif
from PIL import Image

from workers.imaging.colour.nclx import codes_of

# The primary picture alone: no thumbnail in its place, no depth, and no gain map, which would
# only brighten what is already whole without it. One image is one core here.
pillow_heif.register_heif_opener(
    thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
)


def open_heif(data: bytes) -> Image.Image:
    """The primary picture, which turns itself by irot and imir while it loads.

    Colours that are told by numbers (nclx) are named in `info` as `cicp`; beside an embedded
    profile pillow-heif does not give them. Raises what Pillow raises.
    """
    image = Image.open(io.BytesIO(data), formats=["HEIF"])
    told = image.info.get("nclx_profile")
    if told:
        image.info["cicp"] = codes_of(told["color_primaries"], told["transfer_characteristics"])
    return image
