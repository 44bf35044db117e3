"""The parts of an output, by a walk over its container that trusts nobody.

Written from the specifications and not from the code that writes outputs, so that the two can
disagree.
"""

import struct
import zlib
from collections.abc import Iterator

from shared.imagetype import ImageType

_BOXES = {  # boxes that hold boxes, and the bytes before the first of them
    "meta": 4,
    "iinf": 6,
    "iref": 4,
    "iprp": 0,
    "ipco": 0,
    "moov": 0,
    "trak": 0,
    "edts": 0,
    "mdia": 0,
    "minf": 0,
    "dinf": 0,
    "dref": 8,
    "stbl": 0,
    "stsd": 8,
    "av01": 78,
}
_JPEG_NAMES = {0xC4: "DHT", 0xDB: "DQT", 0xDD: "DRI", 0xDA: "SOS"}
_METADATA_OBU = 5


def parts(data: bytes, format: ImageType) -> list[str]:
    """The names of all parts, one behind the other; those in AVIF's boxes with their parents.

    Raises AssertionError where the parts do not fill the file from its first byte to its last.
    """
    walk = {
        ImageType.JPG: _jpeg,
        ImageType.PNG: _png,
        ImageType.WEBP: _webp,
        ImageType.AVIF: _avif,
    }[format]
    return list(walk(data))


def _jpeg(data: bytes) -> Iterator[str]:
    """ITU-T T.81, annex B. APP0 and APP14 are named by the few bytes that they may have."""
    assert data[:2] == b"\xff\xd8"
    at = 2
    while data[at : at + 2] != b"\xff\xd9":
        assert data[at] == 0xFF
        marker, length = struct.unpack_from(">xBH", data, at)
        body = data[at + 4 : at + 2 + length]
        assert len(body) == length - 2
        yield _jpeg_name(marker, body)
        at += 2 + length
        while marker == 0xDA and not (data[at] == 0xFF and _ends_scan(data[at + 1])):
            at += 1
    assert at + 2 == len(data), "something behind the end"


def _ends_scan(byte: int) -> bool:
    """Whether it makes a marker of the FF before it, which may be stuffed, filling or a restart."""
    return byte not in (0, 0xFF) and not 0xD0 <= byte <= 0xD7


def _jpeg_name(marker: int, body: bytes) -> str:
    if marker == 0xE0:
        assert body[:5] == b"JFIF\0"
        assert len(body) == 14, "a thumbnail"
        return "JFIF"
    if marker == 0xEE:
        assert body[:5] == b"Adobe"
        assert len(body) == 12
        return "Adobe"
    return "SOF" if marker in (0xC0, 0xC1, 0xC2) else _JPEG_NAMES.get(marker, f"{marker:X}")


def _png(data: bytes) -> Iterator[str]:
    """PNG, third edition, 5.3; the pixels' stream must end with its last byte."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, name, stream = 8, b"", b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == struct.unpack_from(">I", data, at + 8 + length)[0]
        stream += body if name == b"IDAT" else b""
        at += 12 + length
        yield name.decode()
    assert at == len(data), "something behind the end"
    inflating = zlib.decompressobj()
    inflating.decompress(stream)
    assert inflating.eof
    assert not inflating.unused_data, "something behind the pixels"


def _webp(data: bytes) -> Iterator[str]:
    """RFC 9649; a frame's own chunks come behind it."""
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WEBP"
    assert 8 + struct.unpack_from("<I", data, 4)[0] == len(data), "something behind the end"
    at = 12
    while at < len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        assert at + 8 + length <= len(data)
        yield name.decode()
        at += 24 if name == b"ANMF" else 8 + length + (length & 1)
    assert at == len(data)


def _avif(data: bytes) -> Iterator[str]:
    """ISO/IEC 14496-12 and 23008-12; items are named by their type, properties by theirs.

    All of mdat must belong to the pictures.
    """
    pictures = 0
    for path, body in _boxes(data, "", 0, len(data)):
        name = path.rpartition("/")[2]
        if name == "infe":
            yield f"item {body[8:12].decode()}"
        elif name == "colr":
            yield f"colr {body[:4].decode()}"
        elif name == "mdat":
            pictures += _obus(body)
            yield "mdat"
        elif name == "hdlr":
            yield f"hdlr {body[8:12].decode()}"
        else:
            yield name
    assert pictures, "no picture"


def _boxes(data: bytes, path: str, at: int, end: int) -> Iterator[tuple[str, bytes]]:
    while at < end:
        length, raw = struct.unpack_from(">I4s", data, at)
        name = raw.decode()
        assert 8 <= length <= end - at, f"{path}/{name} does not fit"
        yield f"{path}/{name}", data[at + 8 : at + length]
        if name in _BOXES:
            yield from _boxes(data, f"{path}/{name}", at + 8 + _BOXES[name], at + length)
        at += length
    assert at == end


def _obus(body: bytes) -> int:
    """How many OBUs fill mdat (AV1, 5.3); each says its length, as those of our encoder do.

    A grid's rule stands before or behind them, and is 8 or 12 bytes that begin with two zeros.
    """
    at = count = 0
    while at < len(body):
        if body[at] == 0:
            at += 12 if body[at + 1] & 1 else 8
            continue
        assert body[at] & 0x82 == 2, "not an OBU with a length"
        assert body[at] >> 3 & 15 != _METADATA_OBU, "metadata in the stream"
        at += 2 if body[at] & 4 else 1
        length = shift = 0
        while True:
            length |= (body[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if body[at - 1] < 128:
                break
        at += length
        count += 1
    assert at == len(body), "something behind the pictures"
    return count
