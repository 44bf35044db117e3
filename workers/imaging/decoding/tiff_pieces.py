"""The strips and tiles of a TIFF, decompressed by libtiff behind a directory that we write.

libtiff never sees the upload's own directory, but one of strips alone whose values were checked.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from workers.imaging.formats.tiff import FAXES, GREY, JPEG, YCBCR, Picture

_SHORT, _LONG = 3, 4
_Tags = dict[int, tuple[int, Sequence[int]]]  # type, values

# What libtiff needs besides: the tables of JPEG, the options of a fax, and for YCbCr the
# coefficients, subsampling, positioning and the reference of black and white.
_TABLES, _FAX_OPTIONS, _YCBCR = (347,), (292, 293), (529, 530, 531, 532)
_HEAD = 8  # bytes
_MAX_PIECE_BYTES = 2**31 - 2

# Of each of these tags: tables of JPEG have 4,000 at most, and they are copied for each column.
_MAX_COPIED_BYTES = 65_535


@dataclass(frozen=True)
class Column:
    """Strips, or tiles below each other, of one plane or of all samples.

    left, width: in pixels. offsets, lengths: of its pieces in the file, from the top.
    """

    plane: int
    left: int
    width: int
    offsets: Sequence[int]
    lengths: Sequence[int]


class Pieces:
    """Decompresses the columns of a picture, or some rows of their pieces."""

    def __init__(self, data: bytes, picture: Picture) -> None:
        """Raises ValueError if a piece is missing, or larger than Pillow reads from libtiff."""
        row_bytes = picture.piece_width * picture.together * picture.bits // 8
        if row_bytes * picture.piece_height > _MAX_PIECE_BYTES:
            raise ValueError("a strip or tile that is too large")
        self._picture = picture
        self._offsets, self._lengths = picture.pieces(len(data))
        self._end = len(data) + len(data) % 2
        self._file = bytearray(data.ljust(self._end, b"\0"))  # and behind it a directory

    def columns(self) -> Iterator[Column]:
        """All columns, plane by plane."""
        picture = self._picture
        across, each = picture.across, picture.across * picture.down
        for plane in range(picture.samples if picture.planar else 1):
            for n in range(across):
                where = slice(plane * each + n, (plane + 1) * each, across)
                left, width = n * picture.piece_width, picture.piece_width
                yield Column(plane, left, width, self._offsets[where], self._lengths[where])

    def read(self, column: Column, mode: str, raw: str) -> Image.Image:
        """The column in a mode of Pillow, by one of its raw modes.

        Raises ValueError if it does not decode.
        """
        picture = self._picture
        coded = picture.compression == JPEG or picture.photometric == YCBCR
        tags: _Tags = {
            256: (_LONG, [column.width]),
            258: (_SHORT, [picture.bits] * picture.together),
            262: (_SHORT, [picture.photometric if coded and not picture.planar else GREY]),
            277: (_SHORT, [picture.together]),
            317: (_SHORT, [picture.predictor]),
        }
        return self._decoded(column, range(picture.down), mode, raw, tags)

    def read_bytes(self, column: Column, rows: range, row_bytes: int) -> Image.Image:
        """The bytes of some rows of pieces as a grey image, as they were before the packing.

        Any predictor is still in them. Raises ValueError if they do not decode.
        """
        tags: _Tags = {
            256: (_LONG, [row_bytes]),
            258: (_SHORT, [8]),
            262: (_SHORT, [GREY]),
            277: (_SHORT, [1]),
        }
        return self._decoded(column, rows, "L", "L", tags)

    def _decoded(
        self, column: Column, rows: range, mode: str, raw: str, tags: _Tags
    ) -> Image.Image:
        picture, where = self._picture, slice(rows.start, rows.stop)
        height = len(rows) * picture.piece_height
        if not picture.tiled:
            height = min(height, picture.height - rows.start * picture.piece_height)
        tags |= {
            257: (_LONG, [height]),
            259: (_SHORT, [picture.compression]),
            266: (_SHORT, [picture.fill_order]),
            273: (_LONG, column.offsets[where]),
            278: (_LONG, [picture.piece_height]),
            279: (_LONG, column.lengths[where]),
        }
        self._write(tags)
        size = tags[256][1][0], height
        return Image.frombytes(mode, size, self._file, "libtiff", raw, False, 0)

    def _write(self, tags: _Tags) -> None:
        """Replaces the file's header, and what is behind its data, by a directory of the tags."""
        picture, order = self._picture, self._picture.order
        codes = {_SHORT: "H", _LONG: "I"}
        entries = {
            tag: (kind, len(values), struct.pack(f"{order}{len(values)}{codes[kind]}", *values))
            for tag, (kind, values) in tags.items()
        }
        wanted: tuple[int, ...] = _TABLES if picture.compression == JPEG else ()
        wanted += _FAX_OPTIONS if picture.compression in FAXES else ()
        wanted += _YCBCR if picture.photometric == YCBCR and picture.compression != JPEG else ()
        stored = picture.directory
        entries |= {tag: stored.copy(tag, _MAX_COPIED_BYTES) for tag in wanted if tag in stored}
        table, behind = struct.pack(order + "H", len(entries)), b""
        values_at = self._end + 2 + 12 * len(entries) + 4
        for tag in sorted(entries):
            kind, count, values = entries[tag]
            place = values.ljust(4, b"\0")
            if len(values) > 4:
                place = struct.pack(order + "I", values_at + len(behind))
                behind += values + bytes(len(values) % 2)
            table += struct.pack(order + "HHI", tag, kind, count) + place
        mark = b"II" if order == "<" else b"MM"
        self._file[:_HEAD] = mark + struct.pack(order + "HI", 42, self._end)
        self._file[self._end :] = table + bytes(4) + behind
