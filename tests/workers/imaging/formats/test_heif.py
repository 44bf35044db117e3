"""HEIC: the probe names the size that the decoder allocates, or refuses the file."""

import contextlib
import io
import struct
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shared.errors import CorruptImageError, TooManyPixelsError, UnsupportedImageError
from shared.imagetype import ImageType
from tests.support.heic import (
    SIZE,
    box,
    encoded,
    mux,
    nal,
    noise,
    parameters,
    payload,
    resized,
    still,
)
from tests.support.pairwise import pairwise
from workers.imaging.formats.probe import Probe, check_limits, probe


def decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["HEIF"]) as image:
        image.load()
    return image


def hevc(*pieces: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((b"hvc1", piece) for piece in pieces)


@pytest.mark.parametrize(
    ("mode", "chroma", "size"),
    pairwise(["L", "RGB", "RGBA"], [420, 422, 444], [(1, 1), (2, 3), (37, 21), (129, 64)]),
)
def test_every_still_has_its_size_in_whole_blocks(
    mode: str, chroma: int, size: tuple[int, int]
) -> None:
    data = encoded(noise(*size, mode), chroma=chroma)
    assert decoded(data).size == size
    seen = probe(data)
    assert (seen.kind, seen.frames) == (ImageType.HEIC, 1)
    assert 0 <= seen.width - size[0] < 64
    assert 0 <= seen.height - size[1] < 64


def test_a_grid_has_the_size_of_its_canvas() -> None:
    data = encoded(noise(200, 150), tile_size=64)
    assert data.count(b"hvc1") == 12
    assert probe(data) == Probe(ImageType.HEIC, 200, 150, 1)


@pytest.mark.parametrize(
    "brands", [b"heic", b"heix", b"heimmif1", b"heismif1", b"hevcheic", b"mif1"]
)
def test_the_first_brand_tells_a_heic(brands: bytes) -> None:
    data = mux(brands=brands).file()
    assert decoded(data).size == SIZE
    assert probe(data) == Probe(ImageType.HEIC, *SIZE, 1)


def test_a_file_with_the_brand_of_avif_stays_one() -> None:
    out = io.BytesIO()
    noise(37, 21).save(out, "AVIF")
    data = out.getvalue().replace(b"ftypavif", b"ftypmif1", 1)
    assert probe(data) == Probe(ImageType.AVIF, 37, 21, 1)


@pytest.mark.parametrize("method", [0, 1])
def test_a_box_smaller_than_the_picture_does_not_count(method: int) -> None:
    assert probe(mux(size=(8, 8), method=method).file()) == Probe(ImageType.HEIC, *SIZE, 1)


def test_a_box_larger_than_the_picture_counts() -> None:
    assert probe(mux(size=(30_000, 20_000)).file()) == Probe(ImageType.HEIC, 30_000, 20_000, 1)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_size_that_the_decoder_goes_by_counts(layers: int) -> None:
    vps, sps, pps = parameters(still())
    data = mux(size=(64, 64), units=(vps, resized(sps, 16_384, 8_192, layers), pps)).file()
    assert probe(data) == Probe(ImageType.HEIC, 16_384, 8_192, 1)


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
    assert probe(mux(pieces=hevc(inband)).file()) == Probe(ImageType.HEIC, 640, 320, 1)


def test_a_size_in_another_layer_counts_too() -> None:
    vps, sps, pps = parameters(still())
    other = bytearray(resized(sps, 16_384, 8_192))
    other[1] |= 1 << 3
    data = mux(units=(vps, sps, bytes(other), pps)).file()
    with pytest.raises(RuntimeError, match="16384x8192"):  # so the decoder went by it
        decoded(data)
    assert probe(data) == Probe(ImageType.HEIC, 16_384, 8_192, 1)


@pytest.mark.parametrize("wide", [False, True])
def test_the_canvas_of_a_grid_counts(wide: bool) -> None:
    layout = struct.pack(">BBBBII" if wide else ">BBBBHH", 0, wide, 0, 0, 20_000, 30_000)
    data = mux(pieces=(*mux().pieces, (b"grid", layout))).file()
    assert probe(data) == Probe(ImageType.HEIC, 20_000, 30_000, 1)


@pytest.mark.parametrize("wide", [False, True])
def test_the_canvas_of_an_overlay_counts(wide: bool) -> None:
    layout = struct.pack(">BB8x" + ("II" if wide else "HH") + "8x", 0, wide, 20_000, 30_000)
    data = mux(pieces=(*mux().pieces, (b"iovl", layout))).file()
    assert probe(data) == Probe(ImageType.HEIC, 20_000, 30_000, 1)


def test_a_tile_larger_than_its_grid_counts() -> None:
    large = still(640, 320)
    inband = b"".join(map(nal, parameters(large))) + payload(large)
    layout = struct.pack(">BBBBHH", 0, 0, 0, 0, *SIZE)
    data = mux(pieces=(*hevc(inband), (b"grid", layout))).file()
    assert probe(data) == Probe(ImageType.HEIC, 640, 320, 1)


def tiled(columns: int, canvas: tuple[int, int], *, same: bool = False) -> bytes:
    """A grid in one row, of so many tiles or of one that many times."""
    layout = struct.pack(">BBBBHH", 0, 0, 0, columns - 1, *canvas)
    tiles = mux().pieces * (1 if same else columns)
    data = mux(pieces=(*tiles, (b"grid", layout)), canvas=canvas)
    names = struct.pack(f">HH{columns}H", 2, columns, *(1,) * columns)
    return replace(data, dimg=(names,) if same else ()).file()


def test_a_grid_of_many_tiles_is_read() -> None:
    data = tiled(40, (8_000, 152))
    assert decoded(data).size == (8_000, 152)
    assert probe(data) == Probe(ImageType.HEIC, 8_000, 152, 1)


def test_a_tile_that_a_grid_repeats_is_read() -> None:
    data = tiled(40, (8_000, 152), same=True)
    assert decoded(data).size == (8_000, 152)
    assert probe(data) == Probe(ImageType.HEIC, 8_000, 152, 1)


def repeated(times: int, layers: int = 1) -> bytes:
    """Grids of one canvas over a tile of 640 x 320, each layer made so many times of the last."""
    large = still(640, 320)
    grid = (b"grid", struct.pack(">BBBBHH", 0, 0, 0, times - 1, 640, 320))
    pieces = ((b"hvc1", payload(large)), *(grid,) * layers)
    made = mux(pieces=pieces, units=tuple(parameters(large)), size=(640, 320))
    names = [struct.pack(f">HH{times}H", 2 + n, times, *(1 + n,) * times) for n in range(layers)]
    return replace(made, dimg=tuple(names)).file()


def test_a_small_picture_for_which_far_more_would_be_decoded_is_corrupt() -> None:
    data = repeated(100)
    assert decoded(data).size == (640, 320)  # by decoding 20 megapixels
    with pytest.raises(CorruptImageError):
        probe(data)
    assert probe(repeated(30)) == Probe(ImageType.HEIC, 640, 320, 1)  # at 6 nobody minds


def test_work_is_counted_through_all_layers() -> None:
    with pytest.raises(CorruptImageError):
        probe(repeated(30, layers=2))


def test_a_picture_made_of_itself_is_corrupt() -> None:
    layout, ring = struct.pack(">BBBBHH", 0, 0, 0, 0, *SIZE), struct.pack(">HHH", 2, 1, 2)
    with pytest.raises(CorruptImageError):
        probe(mux(pieces=(*mux().pieces, (b"grid", layout)), dimg=(ring,)).file())


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
        assert probe(data) == Probe(ImageType.HEIC, *SIZE, 1)


def test_a_file_of_brands_alone_is_corrupt() -> None:
    with pytest.raises(CorruptImageError):
        probe(box(b"ftyp", b"heic", bytes(4), b"mif1heic"))


def test_an_item_that_is_named_twice_is_bounded_as_metadata_too() -> None:
    filler = nal(b"\x4c\1" + bytes(1_000_000))
    named = box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"Exif", b"\0")
    pieces = (*hevc(payload(still()) + filler), *mux().pieces * 300)
    assert probe(mux(pieces=pieces).file()).width == SIZE[0]
    with pytest.raises(CorruptImageError):
        probe(mux(pieces=pieces, more=box(b"iinf", bytes(6), named)).file())


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
    assert probe(mux(brands=b"hevcheic").file() + track) == Probe(ImageType.HEIC, *SIZE, 3)


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
    assert probe(still()[:-100]) == Probe(ImageType.HEIC, *SIZE, 1)


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
    started = time.process_time()
    with contextlib.suppress(CorruptImageError, UnsupportedImageError):
        probe(data)
    assert time.process_time() - started < 1.5


KEPT = [still(37, 21, "RGBA"), encoded(noise(200, 150), tile_size=64), mux(method=1).file()]


@given(st.sampled_from(KEPT), st.floats(0, 1), st.binary(max_size=9), st.booleans())
def test_broken_bytes_raise_nothing_but_image_errors(
    data: bytes, place: float, noise: bytes, cut: bool
) -> None:
    at = int(place * min(len(data), 1500))
    broken = data[:at] + noise + (b"" if cut else data[at + len(noise) :])
    with contextlib.suppress(CorruptImageError, UnsupportedImageError):
        probe(broken)
