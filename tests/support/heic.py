"""HEIC files of our own making, in layouts that the encoder at hand does not write."""

import io
import struct
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

SIZE = (200, 152)  # whole blocks of 8, as the encoder at hand would pad to


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    numbers = np.random.default_rng(1).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(numbers).convert("RGBA").convert(mode)


def encoded(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "HEIF", **({"quality": 30} | options))
    return out.getvalue()


@cache
def still(width: int = SIZE[0], height: int = SIZE[1], mode: str = "RGB") -> bytes:
    return encoded(noise(width, height, mode))


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def nal(unit: bytes) -> bytes:
    return struct.pack(">I", len(unit)) + unit


def payload(data: bytes) -> bytes:
    """The HEVC of a file with one item and no metadata."""
    return data[data.rindex(b"mdat") + 4 :]


def parameters(data: bytes) -> list[bytes]:
    """VPS, SPS and PPS, from the first hvcC."""
    at = data.index(b"hvcC") + 27
    units = []
    for _ in range(data[at - 1]):
        (length,) = struct.unpack_from(">H", data, at + 3)
        units.append(data[at + 5 : at + 5 + length])
        at += 5 + length
    return units


def resized(sps: bytes, width: int, height: int, layers: int = 1) -> bytes:
    """The SPS of one layer with another size, and with that many layers."""
    plain = sps.replace(b"\0\0\3", b"\0\0")
    bits = format(int.from_bytes(plain, "big"), f"0{8 * len(plain)}b")
    assert bits[20:23] == "000"
    flags = ["", "10" + "00" * 7, "11" + "01" + "00" * 6][layers - 1]
    extra = ["", "0" * 88, "0" * 88 + "0" * 16][layers - 1]
    at = 24 + 96
    assert bits[at : at + 4] == "1010"  # the first parameter set, 4:2:0
    rest = bits[at + 4 :]
    for _ in range(2):  # the sides that were
        rest = rest[2 * rest.index("1") + 1 :]
    sides = "".join("0" * (len(f"{side + 1:b}") - 1) + f"{side + 1:b}" for side in (width, height))
    bits = f"{bits[:20]}{layers - 1:03b}{bits[23:at]}{flags}{extra}1010{sides}{rest}"
    bits += "0" * (-len(bits) % 8)
    out = bytearray()
    for byte in int(bits, 2).to_bytes(len(bits) // 8, "big"):
        if byte < 4 and out.endswith(b"\0\0"):
            out.append(3)
        out.append(byte)
    return bytes(out)


@dataclass(frozen=True)
class Mux:
    """A file of our own making, with what the encoder at hand does not write.

    pieces: the type and data of each item, the last being the primary one, derived from those
    before it where it is no HEVC. units: what hvcC holds. size: what every ispe says, but that of
    the last item where a canvas is given. dimg: what is made of what, where
    it is not the last of all others.
    """

    pieces: tuple[tuple[bytes, bytes], ...]
    units: tuple[bytes, ...]
    size: tuple[int, int] = SIZE
    canvas: tuple[int, int] | None = None
    dimg: tuple[bytes, ...] = ()
    lengths: int = 4
    hidden: bool = False
    brands: bytes = b"heicmif1"
    method: int = 0
    more: bytes = b""
    colr: bytes = b""

    def file(self) -> bytes:
        ftyp = box(b"ftyp", self.brands[:4], bytes(4), self.brands)
        start = 0
        for _ in range(2):  # the second time with the right offset
            head = ftyp + self._meta(start)
            start = len(head) + 8
        data = [piece for _, piece in self.pieces]
        return head + (b"" if self.method else box(b"mdat", *data))

    def _meta(self, start: int) -> bytes:
        count = len(self.pieces)
        iloc = [b"\1\0\0\0\x44\0", struct.pack(">H", count)]
        infe, ipma = [], []
        at = 0 if self.method else start
        for n, (kind, piece) in enumerate(self.pieces, 1):
            iloc.append(struct.pack(">HHHHII", n, self.method, 0, 1, at, len(piece)))
            flags = bytes((2, 0, 0, self.hidden and n < count))
            infe.append(box(b"infe", flags, struct.pack(">HH", n, 0), kind, b"\0"))
            ipma.append(struct.pack(">HB", n, 2) + b"\1\x82")
            at += len(piece)
        hvcc = bytearray(b"\1".ljust(22, b"\0"))
        hvcc[16] = 1  # 4:2:0
        hvcc[21] = self.lengths - 1
        for unit in self.units:
            hvcc += struct.pack(">BHH", unit[0] >> 1, 1, len(unit)) + unit
        hvcc[22:22] = bytes([len(self.units)])
        if self.canvas:
            ipma[-1] = struct.pack(">HB", count, 1) + b"\3"
        ispe, canvas = (
            box(b"ispe", bytes(4), struct.pack(">II", *size))
            for size in (self.size, self.canvas or self.size)
        )
        uses = box(b"ipma", bytes(4), struct.pack(">I", count), *ipma)
        derived = self.pieces[-1][0] != b"hvc1"
        all_others = struct.pack(f">HH{count - 1}H", count, count - 1, *range(1, count))
        dimg = self.dimg or ((all_others,) if derived else ())
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", count)),
            box(b"iloc", *iloc),
            box(b"iinf", bytes(4), struct.pack(">H", count), *infe),
            box(b"iref", bytes(4), *(box(b"dimg", names) for names in dimg)),
            box(b"iprp", box(b"ipco", ispe, box(b"hvcC", bytes(hvcc)), canvas, self.colr), uses),
            box(b"idat", *(piece for _, piece in self.pieces)) if self.method else b"",
            self.more,
        )


def mux(**options: Any) -> Mux:
    data = still()
    usual = Mux(((b"hvc1", payload(data)),), tuple(parameters(data)))
    return replace(usual, **options)
