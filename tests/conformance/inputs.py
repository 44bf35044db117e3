"""Pictures of flat patches, and the files that Pillow cannot write, by hand."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.workers.imaging.making import chunk, saved

PATCH = (
    16  # pixels per side: one block of 4:2:0 chroma, so that neighbours do not mix in lossy files
)
_EDGE = 4  # pixels of a patch that are not looked at

Samples = NDArray[np.int64]

_STEPS = (10, 90, 170, 245)
COLOURS: Samples = np.array([(r, g, b) for r in _STEPS for g in _STEPS for b in _STEPS])
GREYS: Samples = np.arange(64)[:, None] * 255 // 63


def chart(values: Samples, across: int = 8) -> Samples:
    """Patches row by row: values are (patches, channels), the picture (height, width, channels)."""
    grid = np.asarray(values).reshape(-1, across, values.shape[-1])
    return grid.repeat(PATCH, axis=0).repeat(PATCH, axis=1)


def picture(values: Samples, mode: str = "RGB", across: int = 8) -> Image.Image:
    """A chart as an image of 8 bits."""
    data = chart(values, across).astype(np.uint8)
    return Image.frombytes(mode, (data.shape[1], data.shape[0]), data.tobytes())


def busy(image: Image.Image) -> Image.Image:
    """The chart with noise below it: more colours than WebP is given losslessly."""
    noise = np.random.default_rng(3).integers(0, 256, (PATCH, image.width, 3), dtype=np.uint8)
    whole = Image.new(image.mode, (image.width, image.height + PATCH))
    whole.paste(image, (0, 0))
    whole.paste(Image.fromarray(noise).convert(image.mode), (0, image.height))
    return whole


def patches(image: Image.Image, mode: str = "RGB", across: int = 8) -> NDArray[np.float64]:
    """The mean of the middle of each patch of a chart that may have been scaled down."""
    side = image.width / across
    values = np.asarray(image.convert(mode), dtype=float).reshape(image.height, image.width, -1)
    edge = side * _EDGE / PATCH
    means = [
        values[round(y + edge) : round(y + side - edge), round(x + edge) : round(x + side - edge)]
        for y in np.arange(0, image.height - side / 2, side)
        for x in np.arange(0, image.width - side / 2, side)
    ]
    return np.array([part.mean(axis=(0, 1)) for part in means])


def png_of(
    samples: Samples,
    depth: int,
    colour_type: int,
    *chunks: tuple[bytes, bytes],
    interlaced: bool = False,
) -> bytes:
    """A PNG of any colour type: samples (height, width, channels) in the range of the depth."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in _ADAM7] if interlaced else [samples]
    raw = b"".join(_rows(part, depth) for part in passes if part.size)
    body = b"".join(chunk(name, data) for name, data in chunks)
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return head + body + chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b"")


# PNG, third edition, 8.1: first column and row of each pass, and its steps.
_ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip


def _rows(samples: Samples, depth: int) -> bytes:
    """Unfiltered scanlines; less than 8 bits are packed from the highest bit on."""
    flat = samples.reshape(samples.shape[0], -1)
    if depth == 16:
        return b"".join(b"\0" + row.astype(">u2").tobytes() for row in flat)
    bits = flat[..., None] >> np.arange(depth - 1, -1, -1) & 1
    packed = np.packbits(bits.reshape(flat.shape[0], -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def palette(colours: Samples) -> tuple[bytes, bytes]:
    """A PLTE chunk."""
    return b"PLTE", colours.astype(np.uint8).tobytes()


def gama(gamma: float) -> tuple[bytes, bytes]:
    """A gAMA chunk: the exponent of encoding, so 1/2.2 for a display's 2.2."""
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def chrm(chromaticities: tuple[float, ...]) -> tuple[bytes, bytes]:
    """A cHRM chunk."""
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in chromaticities))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> tuple[bytes, bytes]:
    """A cICP chunk."""
    return b"cICP", bytes((primaries, transfer, matrix, full))


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    """An iCCP chunk."""
    return b"iCCP", b"x\0\0" + zlib.compress(profile)


SRGB_CHUNK = (b"sRGB", b"\0")


def with_segments(jpeg: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with segments, (marker's second byte, body), right behind its start."""
    body = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in segments
    )
    return jpeg[:2] + body + jpeg[2:]


def without_segment(jpeg: bytes, marker: int) -> bytes:
    """A JPEG without the first segment of a marker."""
    at = jpeg.index(bytes((0xFF, marker)))
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


def ycck_jpeg(inks: Samples) -> bytes:
    """A chart of inks as Photoshop writes it: YCCK, inverted, and APP14 with transform 2.

    Pillow writes the four channels as they are, inverted and with transform 0. So it is given
    what stands for YCCK, and the transform is put right.
    """
    # Adobe Technical Note 5116, 18: RGB is the negative of the CMY stored, which is of the inks.
    rgb = inks[:, :3].astype(float)
    luma = rgb @ [0.299, 0.587, 0.114]
    # ITU-T T.871, 7
    ycc = np.stack([luma, (rgb[:, 2] - luma) / 1.772 + 128, (rgb[:, 0] - luma) / 1.402 + 128], 1)
    stored = np.concatenate([ycc, 255 - inks[:, 3:]], axis=1)
    given = 255 - np.clip(np.round(stored), 0, 255).astype(np.int64)
    data = bytearray(saved(picture(given, "CMYK"), "JPEG", quality=100, subsampling=0))
    data[data.index(b"Adobe\0") + 11] = 2
    return bytes(data)


def multi_picture(primary: bytes, second: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with a second one behind it and the index of both: CIPA DC-007, 5.2."""
    first = with_segments(primary, *segments, (0xE2, _index(0, 0, 0)))
    size = len(first)
    # Offsets count from behind "MPF\0" of the segment that the index stands in.
    base = first.index(b"MPF\0") + 4
    return (
        with_segments(primary, *segments, (0xE2, _index(size, len(second), size - base))) + second
    )


def _index(size: int, second_size: int, offset: int) -> bytes:
    entries = struct.pack(">IIIHH", 0x030000, size, 0, 0, 0)
    entries += struct.pack(">IIIHH", 0, second_size, offset, 0, 0)
    directory = struct.pack(">HHHI4s", 3, 0xB000, 7, 4, b"0100")
    directory += struct.pack(">HHII", 0xB001, 4, 1, 2)
    directory += struct.pack(">HHII", 0xB002, 7, len(entries), 8 + 2 + 3 * 12 + 4)
    return b"MPF\0MM\0*\0\0\0\x08" + directory + bytes(4) + entries


def gain_map_xmp() -> tuple[int, bytes]:
    """The APP1 segment by which Ultra HDR and ISO 21496-1 readers know the file."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode()
