"""The same coded pixels in a file that holds nothing else."""

import struct
from collections.abc import Callable

from workers.imaging.strip import avif, jpeg, png, webp

_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": jpeg.strip,
    "PNG": png.strip,
    "WEBP": webp.strip,
    "AVIF": avif.strip,
}


def strip(data: bytes, kind: str) -> bytes | None:
    """The file without metadata, thumbnails and trailing bytes; no pixel is coded anew.

    data: a whole file that decodes; kind: its decoder's name. What is kept is named, piece by
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
