"""The same coded pixels in a file that holds nothing else."""

import struct
from collections.abc import Callable

from shared.imagetype import ImageType
from workers.imaging.strip import avif, jpeg, png, webp

_STRIPPERS: dict[ImageType, Callable[[bytes], bytes]] = {
    ImageType.JPG: jpeg.strip,
    ImageType.PNG: png.strip,
    ImageType.WEBP: webp.strip,
    ImageType.AVIF: avif.strip,
}


def strip(data: bytes, kind: ImageType) -> bytes | None:
    """The file without metadata, thumbnails and trailing bytes; no pixel is encoded again.

    data: a whole file that decodes; kind: its type. Each piece that is kept is named; whatever
    else a file holds is left out where decoders pass over it. Returns None for other types, and
    for a file so unusual that leaving something out might change what it shows: the caller then
    encodes it again.

    Orientation, profile and whatever else says how to show the pixels are left out too: the caller
    has checked that they change nothing.
    """
    stripper = _STRIPPERS.get(kind)
    if stripper is None:
        return None
    try:
        return stripper(data)
    except (ValueError, LookupError, struct.error):
        return None
