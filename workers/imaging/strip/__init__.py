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
    """The file without metadata, thumbnails and trailing bytes; no pixel is coded anew.

    data: a whole file that decodes; kind: its type. What is kept is named, piece by
    piece; whatever else a file holds is left out where decoders pass over it. None for other
    kinds, and where a file is unusual enough that nobody could say what leaving out would do:
    it is to be encoded anew then.

    An orientation, a profile and what else says how to show the pixels go too: the caller
    knows that they say nothing.
    """
    stripper = _STRIPPERS.get(kind)
    if stripper is None:
        return None
    try:
        return stripper(data)
    except (ValueError, LookupError, struct.error):
        return None
