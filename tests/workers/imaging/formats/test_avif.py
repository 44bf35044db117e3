"""AVIF: the probe names the largest size that a decoder could take from the file."""

import contextlib
import io
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from pillow_avif import AvifImagePlugin

from shared.errors import CorruptImageError, TooManyPixelsError, UnsupportedImageError
from shared.imagetype import ImageType
from tests.support.avif import Mux, animation, box, encoded, grid, mux, noise, payload, still
from tests.support.pairwise import pairwise
from workers.imaging.formats.probe import Probe, check_limits, probe

MODES = {"L": 1, "RGB": 3, "RGBA": 4}
CODECS = ["aom", "rav1e"]


@pytest.fixture(autouse=True)
def _chosen_plugin() -> None:
    assert Image.OPEN["AVIF"][0].__module__ == AvifImagePlugin.__name__


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["AVIF"]) as image:
        image.load()
    return image


NAMED = {  # the boxes that name a size: what to look for, where it stands, and how
    b"ispe": (b"ispe", 8, ">II", 0),
    b"av01": (b"av01\0\0\0\0\0\0\0\1", 28, ">HH", 0),
    b"tkhd": (b"tkhd\1", 92, ">II", 16),
}


def lying(data: bytes, width: int = 8, height: int = 8, names: Iterable[bytes] = NAMED) -> bytes:
    """The file with another size in each box that names one."""
    out = bytearray(data)
    for name in names:
        start, skip, layout, shift = NAMED[name]
        at = data.find(start)
        while at >= 0:
            struct.pack_into(layout, out, at + skip, width << shift, height << shift)
            at = data.find(start, at + 4)
    return bytes(out)


LAYOUTS = [
    {"version": version, "method": method, "cuts": cuts, "base": base, "infe": infe}
    for version, method, cuts, base, infe in (
        (0, 0, 1, 0, 2),
        (0, 0, 3, 40, 2),
        (1, 0, 1, 40, 3),
        (1, 1, 2, 0, 2),
        (2, 0, 7, 0, 3),
        (2, 1, 1, 0, 2),
    )
]


SUBSAMPLINGS = ["4:4:4", "4:2:2", "4:2:0", "4:0:0"]
SIZES = [(1, 1), (2, 3), (37, 21), (129, 64)]


@pytest.mark.parametrize(
    ("codec", "mode", "subsampling", "size"), pairwise(CODECS, list(MODES), SUBSAMPLINGS, SIZES)
)
def test_every_still_has_its_size(
    codec: str, mode: str, subsampling: str, size: tuple[int, int]
) -> None:
    data = encoded(noise(*size, mode), codec=codec, subsampling=subsampling)
    assert probe(data) == Probe(ImageType.AVIF, *size, 1)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_animation_has_its_size_and_frames(codec: str, mode: str) -> None:
    assert probe(animation(mode, codec)) == Probe(ImageType.AVIF, 200, 150, 3)


def test_metadata_beside_the_picture_is_passed_over() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    extras = {
        "exif": exif.tobytes(),
        "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    }
    for chosen in (*([name] for name in extras), extras):
        data = encoded(noise(37, 21, "RGBA"), **{name: extras[name] for name in chosen})
        assert probe(data) == Probe(ImageType.AVIF, 37, 21, 1)


@pytest.mark.parametrize("options", LAYOUTS)
@pytest.mark.parametrize("make", [mux, grid])
def test_every_layout_that_decodes_has_its_size(
    make: Callable[..., Mux], options: dict[str, int]
) -> None:
    data = make(**options).file()
    size = decoded(data).size
    assert size == ((200, 150) if make is mux else (180, 64))
    assert probe(data) == Probe(ImageType.AVIF, *size, 1)


def test_boxes_of_sixteen_byte_headers_are_read() -> None:
    data = mux(method=1, version=1).file()
    at = data.index(b"meta") - 4
    length = struct.unpack_from(">I", data, at)[0]
    large = data[:at] + struct.pack(">I4sQ", 1, b"meta", 8 + length) + data[at + 8 :]
    assert decoded(large).size == (200, 150)
    assert probe(lying(large)) == Probe(ImageType.AVIF, 200, 150, 1)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("mode", MODES)
def test_a_still_is_measured_by_its_frame(codec: str, mode: str) -> None:
    data = still(mode=mode, codec=codec)
    assert decoded(lying(data)).size == (8, 8)
    assert probe(lying(data)) == Probe(ImageType.AVIF, 200, 150, 1)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_animation_is_measured_by_its_first_sample(codec: str, mode: str) -> None:
    data = lying(animation(mode, codec))
    assert probe(data) == Probe(ImageType.AVIF, 200, 150, 3)
    alone = data.replace(b"iloc", b"free").replace(b"iinf", b"free")
    assert probe(alone) == Probe(ImageType.AVIF, 200, 150, 3)


def test_first_samples_behind_64_bit_offsets_are_found() -> None:
    data = lying(animation())
    at = data.index(b"stco") - 4
    count, offset = struct.unpack_from(">II", data, at + 12)
    assert (count, struct.unpack_from(">I", data, at)[0]) == (1, 20)
    # What follows in stbl makes room; nothing after the offsets is read but stsz.
    sizes = data[data.index(b"stsz") - 4 :][
        : struct.unpack_from(">I", data, data.index(b"stsz") - 4)[0]
    ]
    wide = box(b"co64", bytes(4), struct.pack(">IQ", 1, offset))
    entry = data[data.index(b"stsd") - 4 :]
    entry = entry[: struct.unpack_from(">I", entry)[0]]
    track = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", entry, sizes, wide)))))
    hidden = data.replace(b"moov", b"free").replace(b"meta", b"free")
    assert probe(hidden + track) == Probe(ImageType.AVIF, 200, 150, 3)


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_frame_is_found_in_every_layout(options: dict[str, int]) -> None:
    data = lying(mux(**options).file())
    assert decoded(data).size == (8, 8)
    assert probe(data) == Probe(ImageType.AVIF, 200, 150, 1)


def overriding() -> tuple[bytes, bytes]:
    """A key frame of 200 x 150, and the same behind a sequence header that says 8 x 8."""
    sample = animation()
    sample = b"\x12\0" + sample[sample.rindex(b"mdat") + 4 :].split(b"\x12\0")[1]
    end = 4 + sample[3]
    header = int.from_bytes(sample[4:end], "big")
    shift = 8 * sample[3] - 53  # without timing and with one low operating point
    assert header >> shift & 0xFFFFFF == 7 << 20 | 7 << 16 | 199 << 8 | 149
    header ^= (199 ^ 7) << shift + 8 | (149 ^ 7) << shift
    frame = sample[end + 3 :]
    bits = format(int.from_bytes(frame, "big"), f"0{8 * len(frame)}b")
    assert bits[:7] == "0001000"  # a shown key frame, no screen content, no size of its own
    # Behind the order hint of 7 bits. Two sides of 8 bits keep what follows on whole bytes.
    bits = f"{bits[:6]}1{bits[7:14]}{199:08b}{149:08b}{bits[14:]}"
    length = len(frame) + 2
    leb128 = bytes([length & 127 | 128, length >> 7])
    small = sample[:4] + header.to_bytes(sample[3], "big") + b"\x32" + leb128
    return sample, small + int(bits, 2).to_bytes(length, "big")


def test_a_frame_that_overrides_its_sequence_counts() -> None:
    # dav1d decodes it with two threads and refuses it with one.
    _, small = (mux(tiles=(piece,)).file() for piece in overriding())
    assert probe(lying(small)) == Probe(ImageType.AVIF, 200, 150, 1)


def test_a_tile_larger_than_its_grid_counts() -> None:
    usual = grid()
    data = replace(usual, tiles=(*usual.tiles[:2], payload(still(2000, 64)))).file()
    assert probe(data) == Probe(ImageType.AVIF, 2000, 64, 1)


def test_a_canvas_larger_than_its_box_counts() -> None:
    assert probe(grid(canvas_box=(8, 8)).file()) == Probe(ImageType.AVIF, 180, 64, 1)


@pytest.mark.parametrize("name", NAMED)
def test_a_box_larger_than_the_frame_counts(name: bytes) -> None:
    data = lying(animation(), 30_000, 20_000, [name])
    assert probe(data) == Probe(ImageType.AVIF, 30_000, 20_000, 3)


def test_a_sequence_header_in_the_configuration_counts() -> None:
    header = payload(still(1000, 40))[2:]
    header = header[: 2 + header[1]]
    data = mux(av1c=b"\x81\x00\x0c\x00" + header).file()
    assert decoded(data).size == (200, 150)
    assert probe(data) == Probe(ImageType.AVIF, 1000, 150, 1)


def test_a_lying_file_is_held_to_the_limits() -> None:
    with pytest.raises(TooManyPixelsError):
        check_limits(probe(lying(still())), 200 * 150 - 1, 1_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x12\0",
        payload(still())[:5],
        payload(still())[2 + 2 + payload(still())[3] :],
        bytes(40),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\0",
    ],
    ids=["empty", "delimiter", "cut", "frame alone", "zeros", "endless length"],
)
def test_an_item_without_a_sequence_header_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(tiles=(data,)).file())


@pytest.mark.parametrize("gone", [b"iloc", b"iinf", b"infe", b"idat"])
def test_a_file_whose_items_are_not_to_be_found_is_corrupt(gone: bytes) -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(version=1, method=1).file().replace(gone, b"free"))


def test_each_item_needs_its_sequence_header() -> None:
    with pytest.raises(CorruptImageError):
        probe(mux(tiles=(payload(still()), b"\x12\0")).file())


@pytest.mark.parametrize("name", [b"iloc", b"idat", b"free"])
def test_two_boxes_that_must_be_one_are_corrupt(name: bytes) -> None:
    data = mux(version=1, method=1).file()
    at = data.index(b"meta") - 4
    length = struct.unpack_from(">I", data, at)[0]
    assert at + length == len(data)
    data = data[:at] + struct.pack(">I", length + 24) + data[at + 4 :] + box(name, bytes(16))
    with contextlib.nullcontext() if name == b"free" else pytest.raises(CorruptImageError):
        assert probe(data) == Probe(ImageType.AVIF, 200, 150, 1)


def test_items_that_share_their_data_are_read_once() -> None:
    piece = payload(still())
    start = len(items(20, b"", 0, 0))
    assert probe(items(20, piece, start, 0)) == Probe(ImageType.AVIF, 200, 150, 1)


def test_data_cut_short_leaves_the_size() -> None:
    assert probe(still()[:-100]) == Probe(ImageType.AVIF, 200, 150, 1)


def many(piece: bytes, extents: bytes) -> bytes:
    """One item with the 20 MB of mdat in its extents, each of offset and length."""
    iloc = box(
        b"iloc", b"\0\0\0\0\x44\0", struct.pack(">HHHH", 1, 1, 0, len(extents) // 8), extents
    )
    infe = box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"av01")
    meta = box(b"meta", bytes(4), iloc, box(b"iinf", bytes(4), b"\0\1", infe))
    return box(b"ftyp", b"avif", bytes(4), b"avif") + meta + box(b"mdat", piece)


def items(count: int, piece: bytes, start: int = 1_000_000, step: int = 1) -> bytes:
    """Many items, each with nearly all of mdat; those of one place are the same."""
    size = 19_000_000 if step else len(piece)
    places = [struct.pack(">HHHII", n, 0, 1, start + step * n, size) for n in range(count)]
    infes = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", n, 0), b"av01") for n in range(count)]
    iloc = box(b"iloc", b"\0\0\0\0\x44\0", struct.pack(">H", count), *places)
    meta = box(b"meta", bytes(4), iloc, box(b"iinf", bytes(6), *infes))
    return box(b"ftyp", b"avif", bytes(4), b"avif") + meta + box(b"mdat", piece)


def locations(count: int) -> bytes:
    """As many items as fit, without extents."""
    iloc = box(b"iloc", b"\2\0\0\0\0\0", struct.pack(">I", count), bytes(10 * count))
    return box(b"ftyp", b"avif", bytes(4), b"avif") + box(b"meta", bytes(4), iloc)


def header() -> bytes:
    data = payload(still())[2:]
    return data[: 2 + data[1]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: many(header() * 1_500_000, struct.pack(">II", 200, 19_000_000)),
        lambda: many(b"\x12\0" * 10_000_000, struct.pack(">II", 200, 19_000_000)),
        lambda: many(bytes(20_000_000), struct.pack(">II", 0, 20_000_000) * 65_000),
        lambda: many(bytes(20_000_000), bytes(8) * 65_000),
        lambda: items(60_000, header() * 1_500_000),
        lambda: items(60_000, b""),
        lambda: locations(2_000_000),
        lambda: (
            mux().file() + box(b"meta", bytes(4), box(b"iinf", bytes(6), bytes(8) * 9)) * 150_000
        ),
        lambda: mux().file() + box(b"free") * 2_500_000,
    ],
    ids=[
        "headers",
        "obus",
        "extents",
        "empty extents",
        "items",
        "empty items",
        "locations",
        "metas",
        "boxes",
    ],
)
def test_hostile_files_of_full_size_are_walked_in_bounded_time(make: Callable[[], bytes]) -> None:
    data = make()
    started = time.process_time()
    with contextlib.suppress(CorruptImageError):
        probe(data)
    assert time.process_time() - started < 1.5


KEPT = [still(37, 21, "RGBA"), animation(), mux(version=2, cuts=3).file(), grid().file()]


@given(st.sampled_from(KEPT), st.floats(0, 1), st.binary(max_size=9), st.booleans())
def test_broken_bytes_raise_nothing_but_image_errors(
    data: bytes, place: float, noise: bytes, cut: bool
) -> None:
    at = int(place * min(len(data), 1500))
    broken = data[:at] + noise + (b"" if cut else data[at + len(noise) :])
    started = time.process_time()
    with contextlib.suppress(CorruptImageError, UnsupportedImageError):
        probe(broken)
    assert time.process_time() - started < 0.5
