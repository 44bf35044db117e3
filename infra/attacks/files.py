"""The uploads of attacks and of innocent clients. Each is made here, the same for the same seed."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

from PIL import Image

_SAMPLES = Path(__file__).parents[2] / "tests/samples"
# Six rows of 5,000 bytes fit into deflate's window of 32 kB: a copy costs almost no bytes.
_REPEATED_ROWS = 6
_PALETTE_COLOURS = 16
_BITS_PER_PIXEL = 4


def noise_png(width: int, height: int, *, alpha: bool = False, seed: int = 1) -> bytes:
    """A PNG of 16 random colours whose rows are noise that repeats: few bytes, many details."""
    random = Random(seed)
    row_bytes = (width * _BITS_PER_PIXEL + 7) // 8
    rows = [b"\0" + random.randbytes(row_bytes) for _ in range(_REPEATED_ROWS)]
    deflate = zlib.compressobj(9)
    data = b"".join(deflate.compress(rows[index % len(rows)]) for index in range(height))
    header = struct.pack(">IIBBBBB", width, height, _BITS_PER_PIXEL, 3, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"PLTE", random.randbytes(3 * _PALETTE_COLOURS))]
    chunks += [_chunk(b"tRNS", random.randbytes(_PALETTE_COLOURS))] if alpha else []
    chunks += [_chunk(b"IDAT", data + deflate.flush()), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiny_webp(width: int = 6000, height: int = 5000) -> bytes:
    """A lossless WebP of one colour, at most 16,384 pixels a side: 38 bytes at any size.

    Each of its five prefix codes has a single symbol, so that a pixel takes no bit (WebP Lossless
    Bitstream Specification, 6.2).
    """
    bits = [*_bits(width - 1, 14), *_bits(height - 1, 14), *_bits(0, 1 + 3)]  # no alpha, version 0
    bits += [0, 0, 0]  # no transform, no colour cache, one group of prefix codes
    for symbol in (90, 200, 30, 255):  # green, red, blue, alpha
        bits += [1, 0, 1, *_bits(symbol, 8)]  # a simple code of one symbol of eight bits
    bits += [1, 0, 0, 0]  # distances: the symbol 0
    size = (len(bits) + 7) // 8
    packed = sum(bit << place for place, bit in enumerate(bits)).to_bytes(size, "little")
    stream = b"\x2f" + packed
    stream += b"\0" * (len(stream) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _bits(value: int, count: int) -> Iterator[int]:
    """The lowest bits of the value, the lowest first."""
    return ((value >> place) & 1 for place in range(count))


def small_jpeg() -> bytes:
    """A photograph of 112 kB and 640 x 427 pixels."""
    return (_SAMPLES / "rocket.jpg").read_bytes()


def photographs() -> list[bytes]:
    """The photographs that the tests have."""
    paths = sorted(_SAMPLES.iterdir())
    return [path.read_bytes() for path in paths if path.suffix in (".jpg", ".png")]


def photograph(megapixels: float) -> bytes:
    """A JPEG of about that size, with the detail of a photograph."""
    with Image.open(_SAMPLES / "seeding_by_Clements_Engelhardt.jpg") as image:
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = (round(image.width * factor), round(image.height * factor))
        file = io.BytesIO()
        image.convert("RGB").resize(size).save(file, "JPEG", quality=40)
    return file.getvalue()
