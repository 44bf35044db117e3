"""Colour spaces given by code points in HEIC and AVIF: the nclx colr box, ISO/IEC 14496-12, 12.1.5.

The code points are those of PNG's cICP (ITU-T H.273), and are handled in the same way.
"""

import struct

from shared.errors import UnsupportedImageError
from workers.imaging.colour.cicp import PRIMARIES, TRANSFERS, Codes
from workers.imaging.formats.avif_picture import properties_of

_BT709, _SRGB = 1, 13  # primaries and transfer of sRGB
_RGB, _FULL_RANGE = 0, 1
_BODY = 11  # bytes: "nclx", three code points of 16 bits, and the range

# Matrices of BT.2020, by H.273, table 4: of non-constant and of constant luminance.
BT2020_USUAL, BT2020_CONSTANT = 9, 10

# Reserved, BT.2085, constant luminance of any primaries, ICtCp: libavif and libheif convert none
# of them correctly, and browsers show none.
_UNKNOWN_MATRICES = (3, 11, 13, 14)

# The camera curves of BT.709, BT.601 and BT.2020. Video encoders write them for pictures whose
# curve is sRGB's, and browsers read them as sRGB's.
_CAMERAS = (1, 6, 14, 15)


def codes_of(primaries: int, transfer: int) -> Codes:
    """What an nclx box says of pixels that a decoder has converted to RGB in full range.

    A code point that is unspecified or unknown is replaced by sRGB's.
    """
    if transfer in _CAMERAS or transfer not in TRANSFERS:
        transfer = _SRGB
    return primaries if primaries in PRIMARIES else _BT709, transfer, _RGB, _FULL_RANGE


def codes_in_avif(data: bytes) -> Codes | None:
    """The code points that the boxes of an AVIF file give for the picture that libavif decodes.

    None if there are none. An embedded profile takes precedence: the caller checks that. Code
    points that are only in the AV1 bitstream are not read. data: the whole file.
    """
    nclx = nclx_of(data)
    return codes_of(*struct.unpack_from(">HH", nclx, 4)) if nclx else None


def matrix_of(nclx: bytes) -> int:
    """The matrix that the body of an nclx box names."""
    return int.from_bytes(nclx[8:10], "big")


def check_matrix(matrix: int) -> None:
    """Raises UnsupportedImageError for a matrix from RGB that no decoder here can undo."""
    if matrix in _UNKNOWN_MATRICES:
        raise UnsupportedImageError(
            f"This image has colours of a kind that is not supported (matrix {matrix} of H.273)"
        )


def nclx_of(data: bytes) -> bytes | None:
    """The body of the nclx box of the picture in an AVIF or HEIC file, None without.

    In an image sequence the first one is of the pictures, since alpha has none.
    """
    for name, body in properties_of(data):
        if name == b"colr" and body[:4] == b"nclx" and len(body) >= _BODY:
            return body
    return None
