"""What a file says of itself: its type, by its first bytes, and its size and end.

A result is checked by it before an original is replaced: the light install decodes no image.
"""

import struct
from importlib.util import find_spec
from pathlib import Path

_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "heic"),
}


class BrokenImageError(Exception):
    """The file is not the whole image that it should be; the text says why."""


def type_of(head: bytes) -> str | None:
    """The type that the first 64 bytes of a file say; None when it is none of the service's."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, len(head) - 3, 4))]
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    return "bmp" if head.startswith(b"BM") else None


def type_of_file(path: Path) -> str | None:
    """As `type_of`; None too when the file cannot be read."""
    try:
        with path.open("rb") as file:
            return type_of(file.read(64))
    except OSError:
        return None


def check(path: Path, file_format: str, width: int, height: int) -> None:
    """Raises BrokenImageError unless `path` is a whole image of that type and these pixels.

    Type, dimensions and the file's end are read from its structure. Where Pillow is installed,
    every pixel is decoded too.
    """
    data = path.read_bytes()
    found = type_of(data[:64])
    if found != file_format:
        raise BrokenImageError(f"it is {found or 'no image'} instead of {file_format}")
    try:
        whole, sizes = _READERS[file_format](data)
    except (struct.error, IndexError) as error:
        raise BrokenImageError("its structure is damaged") from error
    if not whole:
        raise BrokenImageError("its end is missing")
    if (width, height) not in sizes:
        raise BrokenImageError(f"its size is not {width} × {height}")
    if find_spec("PIL"):
        _decode(path, (width, height))


def _jpg(data: bytes) -> tuple[bool, list[tuple[int, int]]]:
    """ITU T.81, B.1 and B.2.2: segments up to the frame header."""
    at = 2
    while True:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if data[at] != 0xFF or length < 2:
            raise IndexError
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return data.endswith(b"\xff\xd9"), [(width, height)]
        at += 2 + length


def _png(data: bytes) -> tuple[bool, list[tuple[int, int]]]:
    """PNG third edition, 11.2.1 and 11.2.5."""
    end = b"\0\0\0\0IEND\xaeB`\x82"
    return data.endswith(end), [struct.unpack_from(">II", data, 16)]


def _webp(data: bytes) -> tuple[bool, list[tuple[int, int]]]:
    """RFC 9649, 2.5 to 2.7: the canvas, or the size in the one bitstream."""
    whole = struct.unpack_from("<I", data, 4)[0] + 8 == len(data)
    kind = data[12:16]
    if kind == b"VP8X":
        sides = (int.from_bytes(data[24:27], "little"), int.from_bytes(data[27:30], "little"))
        return whole, [(sides[0] + 1, sides[1] + 1)]
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return whole, [((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)]
    width, height = struct.unpack_from("<HH", data, 26)
    return whole, [(width & 0x3FFF, height & 0x3FFF)]


def _avif(data: bytes) -> tuple[bool, list[tuple[int, int]]]:
    """ISO/IEC 14496-12, 4.2, and 23008-12, 6.5.3: the boxes fill the file; one `ispe` says it."""
    pieces = data.split(b"ispe")[1:]
    sizes = [struct.unpack_from(">II", piece, 4) for piece in pieces if len(piece) >= 12]
    # A moving AVIF may have no `ispe` that says its size; its track header does, in 16.16 pixels.
    for piece in data.split(b"tkhd")[1:]:
        at = 88 if piece[:1] == b"\x01" else 76
        if len(piece) >= at + 8:
            width, height = struct.unpack_from(">II", piece, at)
            sizes.append((width >> 16, height >> 16))
    return _fills(data), sizes


def _fills(data: bytes) -> bool:
    at = 0
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        if length == 1:
            length = struct.unpack_from(">Q", data, at + 8)[0]
        length = length or len(data) - at  # 0: up to the end of the file
        if length < 8:
            raise IndexError
        at += length
    return at == len(data)


_READERS = {"jpg": _jpg, "png": _png, "webp": _webp, "avif": _avif}


def _decode(path: Path, size: tuple[int, int]) -> None:
    from PIL import Image, ImageSequence  # only in the full install

    try:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                frame.load()
            if image.size != size:
                raise BrokenImageError(f"its size is not {size[0]} × {size[1]}")
    except (OSError, SyntaxError, ValueError) as error:
        raise BrokenImageError(f"it does not decode ({error})") from error
