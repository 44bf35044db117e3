import contextlib
import io
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shared.errors import CorruptImageError, TooManyPixelsError, UnsupportedImageError
from shared.models import Probe
from shared.probe import check_limits, probe

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


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["HEIF"]) as image:
        image.load()
    return image


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
    before it where it is no HEVC. units: what hvcC holds. size: what every ispe says.
    """

    pieces: tuple[tuple[bytes, bytes], ...]
    units: tuple[bytes, ...]
    size: tuple[int, int] = SIZE
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
        ispe = box(b"ispe", bytes(4), struct.pack(">II", *self.size))
        uses = box(b"ipma", bytes(4), struct.pack(">I", count), *ipma)
        iref = struct.pack(f">HH{count - 1}H", count, count - 1, *range(1, count))
        derived = self.pieces[-1][0] != b"hvc1"
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", count)),
            box(b"iloc", *iloc),
            box(b"iinf", bytes(4), struct.pack(">H", count), *infe),
            box(b"iref", bytes(4), box(b"dimg", iref)) if derived else b"",
            box(b"iprp", box(b"ipco", ispe, box(b"hvcC", bytes(hvcc)), self.colr), uses),
            box(b"idat", *(piece for _, piece in self.pieces)) if self.method else b"",
            self.more,
        )


def mux(**options: Any) -> Mux:
    data = still()
    usual = Mux(((b"hvc1", payload(data)),), tuple(parameters(data)))
    return replace(usual, **options)


def hevc(*pieces: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((b"hvc1", piece) for piece in pieces)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("chroma", [420, 422, 444])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (37, 21), (129, 64)])
def test_every_still_has_its_size_in_whole_blocks(
    mode: str, chroma: int, size: tuple[int, int]
) -> None:
    data = encoded(noise(*size, mode), chroma=chroma)
    assert decoded(data).size == size
    seen = probe(data)
    assert (seen.kind, seen.frames) == ("HEIF", 1)
    assert 0 <= seen.width - size[0] < 64
    assert 0 <= seen.height - size[1] < 64


def test_a_grid_has_the_size_of_its_canvas() -> None:
    data = encoded(noise(200, 150), tile_size=64)
    assert data.count(b"hvc1") == 12
    assert probe(data) == Probe("HEIF", 200, 150, 1)


@pytest.mark.parametrize(
    "brands", [b"heic", b"heix", b"heimmif1", b"heismif1", b"hevcheic", b"mif1"]
)
def test_the_first_brand_tells_a_heic(brands: bytes) -> None:
    data = mux(brands=brands).file()
    assert decoded(data).size == SIZE
    assert probe(data) == Probe("HEIF", *SIZE, 1)


def test_a_file_with_the_brand_of_avif_stays_one() -> None:
    out = io.BytesIO()
    noise(37, 21).save(out, "AVIF")
    data = out.getvalue().replace(b"ftypavif", b"ftypmif1", 1)
    assert probe(data) == Probe("AVIF", 37, 21, 1)


@pytest.mark.parametrize("method", [0, 1])
def test_a_box_smaller_than_the_picture_does_not_count(method: int) -> None:
    assert probe(mux(size=(8, 8), method=method).file()) == Probe("HEIF", *SIZE, 1)


def test_a_box_larger_than_the_picture_counts() -> None:
    assert probe(mux(size=(30_000, 20_000)).file()) == Probe("HEIF", 30_000, 20_000, 1)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_size_that_the_decoder_goes_by_counts(layers: int) -> None:
    vps, sps, pps = parameters(still())
    data = mux(size=(64, 64), units=(vps, resized(sps, 16_384, 8_192, layers), pps)).file()
    assert probe(data) == Probe("HEIF", 16_384, 8_192, 1)


def test_a_size_rewritten_to_what_it_was_still_decodes() -> None:
    vps, sps, pps = parameters(still())
    assert resized(sps, *SIZE) == sps
    assert decoded(mux(units=(vps, resized(sps, *SIZE), pps)).file()).size == SIZE


def test_a_lying_file_is_held_to_the_limits() -> None:
    vps, sps, pps = parameters(still())
    data = mux(size=(64, 64), units=(vps, resized(sps, 16_384, 16_384), pps)).file()
    with pytest.raises(TooManyPixelsError):
        check_limits(probe(data), 100_000_000, 1_000)


def test_sizes_in_band_count_for_the_decoder_goes_by_them() -> None:
    large = still(640, 320)
    inband = b"".join(map(nal, parameters(large))) + payload(large)
    assert decoded(mux(pieces=hevc(inband), size=(640, 320)).file()).size == (640, 320)
    assert probe(mux(pieces=hevc(inband)).file()) == Probe("HEIF", 640, 320, 1)


def test_a_size_in_another_layer_counts_too() -> None:
    vps, sps, pps = parameters(still())
    other = bytearray(resized(sps, 16_384, 8_192))
    other[1] |= 1 << 3
    data = mux(units=(vps, sps, bytes(other), pps)).file()
    with pytest.raises(RuntimeError, match="16384x8192"):  # so the decoder went by it
        decoded(data)
    assert probe(data) == Probe("HEIF", 16_384, 8_192, 1)


@pytest.mark.parametrize("wide", [False, True])
def test_the_canvas_of_a_grid_counts(wide: bool) -> None:
    layout = struct.pack(">BBBBII" if wide else ">BBBBHH", 0, wide, 0, 0, 20_000, 30_000)
    data = mux(pieces=(*mux().pieces, (b"grid", layout))).file()
    assert probe(data) == Probe("HEIF", 20_000, 30_000, 1)


@pytest.mark.parametrize("wide", [False, True])
def test_the_canvas_of_an_overlay_counts(wide: bool) -> None:
    layout = struct.pack(">BB8x" + ("II" if wide else "HH") + "8x", 0, wide, 20_000, 30_000)
    data = mux(pieces=(*mux().pieces, (b"iovl", layout))).file()
    assert probe(data) == Probe("HEIF", 20_000, 30_000, 1)


def test_a_tile_larger_than_its_grid_counts() -> None:
    large = still(640, 320)
    inband = b"".join(map(nal, parameters(large))) + payload(large)
    layout = struct.pack(">BBBBHH", 0, 0, 0, 0, *SIZE)
    data = mux(pieces=(*hevc(inband), (b"grid", layout))).file()
    assert probe(data) == Probe("HEIF", 640, 320, 1)


IDR = payload(still())
SECOND = b"".join((IDR, IDR))
CRA = IDR[:4] + bytes([21 << 1]) + IDR[5:]


@pytest.mark.parametrize(
    "piece",
    [b"", SECOND, CRA, nal(parameters(still())[1]), bytes(40), IDR[:6]],
    ids=["empty", "two pictures", "one that may refer", "no picture", "zeros", "cut"],
)
def test_an_item_that_is_not_one_whole_picture_is_corrupt(piece: bytes) -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(pieces=hevc(piece)).file())


def test_a_picture_in_the_configuration_is_corrupt() -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(units=(*parameters(still()), IDR[4:])).file())


@pytest.mark.parametrize("lengths", [1, 2, 3])
def test_lengths_of_other_than_four_bytes_are_corrupt(lengths: int) -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(lengths=lengths).file())


def test_a_broken_sps_is_corrupt() -> None:
    vps, sps, pps = parameters(still())
    for broken in (sps[:10], sps[:15] + bytes(20)):
        with pytest.raises(CorruptImageError):
            probe(mux(units=(vps, broken, pps)).file())


@pytest.mark.parametrize("more", [box(b"iloc", bytes(8)), box(b"mini", bytes(8))])
def test_boxes_that_could_name_other_items_are_corrupt(more: bytes) -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(more=more).file())


def test_tables_in_a_box_within_are_not_overlooked() -> None:
    inner = box(b"meta", bytes(4), box(b"iloc", bytes(8)))
    with pytest.raises(CorruptImageError):
        probe(mux(more=inner).file())


@pytest.mark.parametrize("gone", [b"iloc", b"hvcC", b"ispe", b"ipco"])
def test_a_file_without_a_box_that_it_needs_is_no_larger_than_its_picture(gone: bytes) -> None:
    data = mux().file().replace(gone, b"free")
    with contextlib.suppress(CorruptImageError):
        assert probe(data) == Probe("HEIF", *SIZE, 1)


@pytest.mark.parametrize("kind", [b"av01", b"jpeg", b"avc1", b"unci"])
def test_a_still_in_another_codec_is_unsupported(kind: bytes) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        probe(mux(pieces=((kind, IDR),), brands=b"mif1heic").file())
    assert "coded with HEVC" in caught.value.message


def test_items_of_a_codec_whose_size_is_not_read_are_unsupported_beside_hevc_too() -> None:
    with pytest.raises(UnsupportedImageError):
        probe(mux(pieces=((b"unci", b"\0"), *mux().pieces)).file())


def test_a_sequence_without_a_still_is_unsupported() -> None:
    samples = box(b"stsz", bytes(8), struct.pack(">I", 3))
    track = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", samples)))))
    with pytest.raises(UnsupportedImageError):
        probe(box(b"ftyp", b"hevc", bytes(4), b"msf1hevc") + track)
    assert probe(mux(brands=b"hevcheic").file() + track) == Probe("HEIF", *SIZE, 3)


def test_metadata_that_would_be_copied_for_each_picture_is_bounded() -> None:
    exif = (b"Exif", bytes(1_000_000))
    usual = mux().pieces
    assert probe(mux(pieces=(exif, *usual * 100)).file()).width == SIZE[0]
    for options in (
        {"pieces": (exif, *usual * 300)},
        {"pieces": usual * 300, "colr": box(b"colr", b"prof", bytes(1_000_000))},
    ):
        with pytest.raises(CorruptImageError):
            probe(mux(**options).file())
        assert probe(mux(hidden=True, **options).file()).width == SIZE[0]


def test_data_cut_short_leaves_the_size() -> None:
    assert probe(still()[:-100]) == Probe("HEIF", *SIZE, 1)


def many(count: int, piece: bytes) -> bytes:
    """As many items, each another part of the one piece and nearly all of it."""
    size = len(piece) - count
    infes = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", n, 0), b"hvc1") for n in range(count)]
    places = [struct.pack(">HHHII", n, 0, 1, 2_200_000 + n, size) for n in range(count)]
    iloc = box(b"iloc", b"\0\0\0\0\x44\0", struct.pack(">H", count), *places)
    meta = box(b"meta", bytes(4), iloc, box(b"iinf", bytes(6), *infes))
    return box(b"ftyp", b"heic", bytes(4), b"heic") + meta + box(b"mdat", piece)


@pytest.mark.parametrize(
    "make",
    [
        lambda: many(60_000, bytes(17_000_000)),
        lambda: mux(pieces=hevc(bytes(19_000_000))).file(),
        lambda: mux(pieces=hevc(nal(b"\x46\1\0") * 2_700_000)).file(),
        lambda: mux(pieces=hevc(nal(parameters(still())[1]) * 400_000)).file(),
        lambda: mux(
            more=box(b"hvcC", b"\1".ljust(21, b"\0") + b"\3\xff" + bytes(9)) * 400_000
        ).file(),
        lambda: mux(more=box(b"ispe") * 2_400_000).file(),
        lambda: mux(more=box(b"meta", bytes(4), box(b"iinf", bytes(6))) * 700_000).file(),
    ],
    ids=["items", "zeros", "units", "parameters", "configurations", "boxes", "metas"],
)
def test_hostile_files_of_full_size_are_walked_in_bounded_time(make: Callable[[], bytes]) -> None:
    data = make()
    started = time.perf_counter()
    with contextlib.suppress(CorruptImageError, UnsupportedImageError):
        probe(data)
    assert time.perf_counter() - started < 1.5


KEPT = [still(37, 21, "RGBA"), encoded(noise(200, 150), tile_size=64), mux(method=1).file()]


@given(st.sampled_from(KEPT), st.floats(0, 1), st.binary(max_size=9), st.booleans())
def test_broken_bytes_raise_nothing_but_image_errors(
    data: bytes, place: float, noise: bytes, cut: bool
) -> None:
    at = int(place * min(len(data), 1500))
    broken = data[:at] + noise + (b"" if cut else data[at + len(noise) :])
    with contextlib.suppress(CorruptImageError, UnsupportedImageError):
        probe(broken)
