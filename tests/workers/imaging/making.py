"""Files and profiles that the image tests are made of."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Transpose

from shared.imagetype import ImageType
from shared.models import Options
from workers.imaging import ImageJob, Output, process
from workers.imaging.colour.convert import to_plain
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import probe

# How an upright picture must be stored for each EXIF orientation to turn it back.
STORED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}

# D50 colorants (XYZ of red, green, blue), from the profiles that their makers publish.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The image as a file of a Pillow format."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """A file as a decoded image."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def run(
    data: bytes, to: ImageType = ImageType.PNG, mark: bytes | None = None, **options: Any
) -> Output:
    """Probe and process one file."""
    return process(ImageJob(data, probe(data), Options(format=to, **options), mark))


def result(data: bytes, to: ImageType = ImageType.PNG, **options: Any) -> Image.Image:
    """What one file becomes, decoded again."""
    output = run(data, to, **options).data
    return to_plain(decode(output, probe(output)).image)  # Pillow alone cannot show 16 bits


def noise(width: int = 96, height: int = 64) -> Image.Image:
    """A picture that does not compress to nothing, the same at every call."""
    values = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def quarters(width: int = 64, height: int = 32) -> Image.Image:
    """Red, green, blue and white from the top left, clockwise but for the last two."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    image.paste("white", (width // 2, height // 2, width, height))
    return image


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colour at the middle of each quarter, row by row, with noise of coding rounded off."""
    wide, high = image.size
    points = [(wide // 4, high // 4), (wide * 3 // 4, high // 4)]
    points += [(x, high * 3 // 4) for x, _ in points]
    rgb = image.convert("RGB")
    pixels = [rgb.getpixel(point) for point in points]
    return [tuple(255 * (band > 127) for band in pixel) for pixel in pixels if type(pixel) is tuple]


def pixel(image: Image.Image, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    """One pixel as a tuple, whatever the mode."""
    value = image.getpixel(at)
    return tuple(int(band) for band in value) if isinstance(value, tuple) else (int(value or 0),)


def pixels(image: Image.Image) -> NDArray[np.int64]:
    """All pixels as whole numbers that do not wrap around."""
    return np.asarray(image).astype(np.int64)


def with_exif(orientation: int | None = None, *, gps: bool = False) -> bytes:
    """An EXIF block with an orientation, a maker's name and a place."""
    exif = Image.Exif()
    exif[0x010F] = "SECRETMAKER"
    if orientation:
        exif[0x0112] = orientation
    if gps:
        exif[0x8825] = {1: "N", 2: (41.0, 24.0, 12.0), 29: "2026:01:02"}
    return exif.tobytes()


def png(
    header: tuple[int, int, int, int], raw: bytes, *chunks: tuple[bytes, bytes], end: bool = True
) -> bytes:
    """A PNG by hand: (width, height, depth, colour type), unfiltered rows, chunks between."""
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    body += b"".join(chunk(name, data) for name, data in chunks)
    return body + chunk(b"IDAT", zlib.compress(raw)) + (chunk(b"IEND", b"") if end else b"")


def chunk(name: bytes, data: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP container around chunks."""
    body = b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def matrix_profile(colorants: tuple[tuple[float, ...], ...], gamma: float) -> bytes:
    """An ICC v2 display profile from three colorants and one gamma."""
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249))}
    for name, colorant in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags[name + b"XYZ"] = _xyz(colorant)
        tags[name + b"TRC"] = _gamma(gamma)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """An ICC v2 profile of one channel with a gamma."""
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"kTRC": _gamma(gamma)}
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


def srgb_grey_profile() -> bytes:
    """An ICC v2 profile of one channel with the curve of sRGB."""
    values = np.arange(1024) / 1023
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    curve = b"curv" + bytes(4) + struct.pack(">I", 1024) + (light * 65535).astype(">u2").tobytes()
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"kTRC": curve}
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


def press_profile(cyan: tuple[int, int, int]) -> bytes:
    """An ICC v2 CMYK profile in which cyan ink is this colour, Lab in 8 bits; others are black."""
    ramp = bytes(range(256))
    nodes = b""
    for node in range(16):  # two grid points an ink, the last ink fastest
        lab = {0b0000: (255, 128, 128), 0b1000: cyan}.get(node, (0, 128, 128))
        nodes += bytes(lab)
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + nodes + ramp * 3
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"A2B0": lut}
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)


def to_srgb(
    rgb: tuple[int, int, int], colorants: tuple[tuple[float, ...], ...], gamma: float
) -> tuple[int, ...]:
    """What a colour of a matrix profile is in sRGB, straight from the definitions."""
    light = np.array(colorants).T @ (np.array(rgb) / 255) ** gamma
    linear = np.clip(np.linalg.inv(np.array(SRGB).T) @ light, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return tuple(round(float(value) * 255) for value in encoded)


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78), **tags}
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, kind, space, pcs)
    head = head.ljust(36, b"\0") + b"acsp"
    white = struct.pack(">iii", 63190, 65536, 54061)
    return (
        (head.ljust(68, b"\0") + white).ljust(128, b"\0")
        + struct.pack(">I", len(tags))
        + table
        + body
    )


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(value * 65536) for value in values))


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
