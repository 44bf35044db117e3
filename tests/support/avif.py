"""AVIF files of our own making, in layouts that the encoder at hand does not write."""

import io
import struct
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image
from pillow_avif import AvifImagePlugin  # noqa: F401 - importing it makes it Pillow's codec


def noise(width: int, height: int, mode: str = "RGB", seed: int = 1) -> Image.Image:
    numbers = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(numbers).convert("RGBA").convert(mode)


def encoded(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "AVIF", **({"speed": 10, "quality": 40} | options))
    return out.getvalue()


@cache
def still(width: int = 200, height: int = 150, mode: str = "RGB", codec: str = "aom") -> bytes:
    return encoded(noise(width, height, mode), codec=codec)


@cache
def animation(mode: str = "RGB", codec: str = "aom") -> bytes:
    frames = [noise(200, 150, mode, seed) for seed in range(3)]
    return encoded(frames[0], codec=codec, save_all=True, append_images=frames[1:])


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def payload(data: bytes) -> bytes:
    """The AV1 of a file with one item and no metadata."""
    return data[data.rindex(b"mdat") + 4 :]


@dataclass(frozen=True)
class Mux:
    """A file in a layout of our choice.

    tiles: the AV1 of each item, all of `size`; with a canvas also a grid of them in one row.
    method: 0 to keep them in mdat, 1 in idat. cuts: extents of each item.
    """

    tiles: tuple[bytes, ...]
    size: tuple[int, int]
    canvas: tuple[int, int] | None = None
    canvas_box: tuple[int, int] | None = None
    version: int = 0
    method: int = 0
    cuts: int = 1
    base: int = 0
    infe: int = 2
    av1c: bytes = field(default=b"\x81\x00\x0c\x00")

    def file(self) -> bytes:
        ftyp = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
        start = self.base
        for _ in range(2):  # the second time with the right offset
            head = ftyp + self._meta(start)
            start = len(head) + 8
        return head + (box(b"mdat", *self._data()) if self.method == 0 else b"")

    def _data(self) -> list[bytes]:
        return [*self.tiles, *([self._grid()] if self.canvas else [])]

    def _grid(self) -> bytes:
        assert self.canvas
        return struct.pack(">BBBBHH", 0, 0, 0, len(self.tiles) - 1, *self.canvas)

    def _meta(self, start: int) -> bytes:
        data = self._data()
        kinds = [b"av01"] * len(self.tiles) + [b"grid"] * bool(self.canvas)
        primary = len(data)
        number = ">I" if self.infe == 3 else ">H"
        infes = [
            box(
                b"infe", bytes([self.infe, 0, 0, 0]), struct.pack(number, 1 + n), bytes(2), k, b"\0"
            )
            for n, k in enumerate(kinds)
        ]
        count = struct.pack(">I", len(infes)) if self.infe == 3 else struct.pack(">H", len(infes))
        pixi = box(b"pixi", bytes(4), b"\3\x08\x08\x08")
        ispe = [self.size, self.canvas_box or self.canvas or self.size]
        properties = [box(b"ispe", bytes(4), struct.pack(">II", *size)) for size in ispe]
        ipco = box(b"ipco", *properties, pixi, box(b"av1C", self.av1c))
        ipma = [
            struct.pack(">HB", 1 + n, 3) + (b"\1\3\x84" if kind == b"av01" else b"\2\3\0")
            for n, kind in enumerate(kinds)
        ]
        uses = box(b"ipma", bytes(4), struct.pack(">I", len(ipma)), *ipma)
        tiles = len(self.tiles)
        dimg = struct.pack(f">HH{tiles}H", primary, tiles, *range(1, 1 + tiles))
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", primary)),
            self._iloc(data, start if self.method == 0 else 0),
            box(b"iinf", bytes([self.infe == 3, 0, 0, 0]), count, *infes),
            box(b"iref", bytes(4), box(b"dimg", dimg)) if self.canvas else b"",
            box(b"iprp", ipco, uses),
            box(b"idat", *data) if self.method == 1 else b"",
        )

    def _iloc(self, data: list[bytes], start: int) -> bytes:
        number = ">I" if self.version == 2 else ">H"
        out = [bytes([self.version, 0, 0, 0, 0x44, 0x40]), struct.pack(number, len(data))]
        for n, piece in enumerate(data):
            method = struct.pack(">H", self.method) if self.version else b""
            out += [struct.pack(number, 1 + n), method, bytes(2), struct.pack(">I", self.base)]
            edges = [len(piece) * cut // self.cuts for cut in range(self.cuts + 1)]
            out.append(struct.pack(">H", self.cuts))
            for low, high in pairwise(edges):
                out.append(struct.pack(">II", start + low - self.base, high - low))
            start += len(piece)
        return box(b"iloc", *out)


def mux(**options: Any) -> Mux:
    return replace(Mux((payload(still()),), (200, 150)), **options)


def grid(**options: Any) -> Mux:
    tiles = [payload(encoded(noise(64, 64, seed=seed))) for seed in range(3)]
    return replace(Mux(tuple(tiles), (64, 64), (180, 64)), **options)
