"""AVIFs and HEICs made to cost: pictures made of themselves, of thousands, of hidden frames."""

import struct
from dataclasses import replace

import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.support import avif, heic
from tests.workers.imaging import planting
from tests.workers.imaging.making import saved
from tests.workers.imaging.planting import coded
from workers.imaging.formats.heif_items import Item, Still
from workers.imaging.formats.isobmff import whole_boxes
from workers.imaging.strip.isobmff_writer import box

MANY = 20_000_000  # bytes, the most that an upload may have
REFUSED_OR_READ = {"ok", *REFUSALS}


def grid_item(columns: int, width: int, height: int) -> Item:
    rule = struct.pack(">BBBBHH", 0, 0, 0, columns - 1, width, height)
    ispe = (b"ispe", struct.pack(">III", 0, width, height), False)
    pixi = (b"pixi", bytes(4) + b"\3\x08\x08\x08", False)
    return Item(b"grid", False, rule, 10**9, (ispe, pixi))


RINGS: dict[str, tuple[tuple[bytes, int, tuple[int, ...]], ...]] = {
    "a grid of itself": ((b"dimg", 1, (1, 1)),),
    "two grids of each other": ((b"dimg", 1, (2, 2)), (b"dimg", 2, (1, 1))),
    "a picture that is its own alpha": ((b"auxl", 3, (3,)), (b"dimg", 1, (3, 4))),
    "two alphas of each other": ((b"auxl", 3, (4,)), (b"auxl", 4, (3,)), (b"dimg", 1, (3, 4))),
    "a picture that is its own thumbnail": ((b"thmb", 3, (3,)), (b"dimg", 1, (3, 4))),
    "a picture that multiplies itself": ((b"prem", 3, (3,)), (b"dimg", 1, (3, 4))),
    "a grid of what is not there": ((b"dimg", 1, (99, 98)),),
    "a grid twice": ((b"dimg", 1, (3, 4)), (b"dimg", 1, (4, 3))),
}


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.AVIF])
def test_a_ring_of_references_in_an_avif_ends(to: ImageType) -> None:
    grid = grid_item(2, 128, 64)
    items = {1: grid, 2: grid, 3: coded(0), 4: coded(32)}
    for name, references in RINGS.items():
        data = planting.heif(Still(1, items, references))
        outcome = end(data, to, quality=100, case=name).outcome
        assert outcome in REFUSED_OR_READ, name


def named(source: int, *to: int) -> bytes:
    return struct.pack(f">HH{len(to)}H", source, len(to), *to)


def with_derived(kind: bytes, names: tuple[bytes, ...]) -> bytes:
    """A HEIC whose second item is made from other items by a rule of this kind."""
    rule = struct.pack(">BBBBHH", 0, 0, 0, 1, 400, 152)
    if kind == b"iovl":
        rule = struct.pack(">BB8xHH16x", 0, 0, 400, 152)
    pieces = (*heic.mux().pieces, (kind, rule))
    return heic.mux(pieces=pieces, dimg=names, canvas=(400, 152)).file()


def test_a_ring_of_references_in_a_heic_is_corrupt() -> None:
    rings = ((named(2, 2, 2),), (named(2, 1, 2),), (named(1, 2), named(2, 1)))
    derived = (
        ((kind, names), with_derived(kind, names))
        for names in rings
        for kind in (b"grid", b"iovl", b"iden")
    )
    assert_outcomes(derived, {"corrupt_image"})


def layered(frames: int, size: tuple[int, int] = (1600, 1200)) -> bytes:
    """An AVIF of so many whole frames in one item, all but the last of a lower spatial layer.

    AV1, 7.18: what is shown of an operating point with layers is its highest. A decoder that looks
    for that makes all the others first.
    """
    header, frame = first_sample(size)
    layers = bytearray(header)
    layers[3] |= 0x0F  # operating_point_idc of section 6.4.1: four spatial layers,
    layers[4] = 0x01  # one temporal
    frame = bytes((frame[0] | 4, 0)) + frame[1:]
    piece = b"\x12\0" + bytes(layers) + frame * frames
    return avif.mux(tiles=(piece,), size=size).file()


def first_sample(size: tuple[int, int]) -> tuple[bytes, bytes]:
    """Sequence header and key frame of a film; those of a still have no operating points."""
    flat = Image.new("RGB", size, "teal")
    data = saved(flat, "AVIF", save_all=True, append_images=[flat.copy()], speed=10)
    sample = data[data.rindex(b"mdat") + 4 :]
    assert sample[:3] == b"\x12\0\x0a"
    header, rest = sample[2 : 4 + sample[3]], sample[4 + sample[3] :]
    assert rest[0] == 6 << 3 | 2
    length = rest[1] & 127 | (rest[2] << 7 if rest[1] > 127 else 0)
    return header, rest[: (3 if rest[1] > 127 else 2) + length]


def test_layers_of_a_picture_are_read() -> None:
    assert end(layered(4)).outcome == "ok"


@pytest.mark.parametrize("frames", [200, 15_000])
def test_frames_that_are_never_shown_are_refused(frames: int) -> None:
    assert end(layered(frames)).outcome == "corrupt_image"


def test_tiles_that_share_one_place_are_bounded_by_their_canvas() -> None:
    tile = coded(0)
    count = 4_000
    whole = grid_item(1, 64, 64)
    rule = struct.pack(">BBBBHH", 0, 0, 49, 79, 80 * 64, 50 * 64)
    ispe = (b"ispe", struct.pack(">III", 0, 80 * 64, 50 * 64), False)
    whole = replace(whole, data=rule, properties=(ispe, whole.properties[1]))
    items = {1: whole} | dict.fromkeys(range(2, 2 + count), tile)
    still = Still(1, items, ((b"dimg", 1, tuple(range(2, 2 + count))),))
    assert end(planting.heif(still), max_width=64).outcome in REFUSED_OR_READ


@pytest.mark.parametrize("kind", [b"Exif", b"mime"])
@pytest.mark.parametrize("family", ["avif", "heic"])
def test_metadata_of_a_thousand_times_its_bytes_costs_little(family: str, kind: bytes) -> None:
    data = planting.heif(Still(1, {1: coded(0)}, ())) if family == "avif" else heic.mux().file()
    assert end(with_item(data, kind, 5_000, 1_000_000)).outcome in REFUSED_OR_READ


def with_item(data: bytes, kind: bytes, extents: int, length: int) -> bytes:
    """The file with one more item, of the same bytes again and again, in a table of its own."""
    meta = data.index(b"meta") - 4
    size = struct.unpack_from(">I", data, meta)[0]
    body = data[meta + 12 : meta + size]
    infe = box(b"infe", b"\2\0\0\0", struct.pack(">HH", 9, 0), kind, b"\0")
    changed = []
    for name, inner in whole_boxes(body):
        if name == b"iinf":
            count = struct.unpack_from(">H", inner, 4)[0]
            inner = inner[:4] + struct.pack(">H", count + 1) + inner[6:] + infe
        if name == b"iloc":
            width = 6 if inner[0] == 0 else 8
            count = struct.unpack_from(">H", inner, 6)[0]
            item = struct.pack(">H", 9) + bytes(width - 4) + struct.pack(">H", extents)
            inner = inner[:6] + struct.pack(">H", count + 1) + inner[8:]
            inner += item + struct.pack(">II", 40, length) * extents
        if name == b"iref":
            inner += box(b"cdsc", named(9, 1))
        changed.append(box(name, inner))
    if b"iref" not in body:
        changed.append(box(b"iref", bytes(4), box(b"cdsc", named(9, 1))))
    whole = box(b"meta", bytes(4), *changed)
    return data[:meta] + whole + data[meta + size :] + bytes(length)


FLOODS = {
    "free space": box(b"free"),
    "containers": box(b"moov", box(b"trak")),
    "boxes of sixteen bytes": struct.pack(">I4sQ", 1, b"free", 16),
    "tables of properties": box(b"iprp", box(b"ipco")),
}


WHOLE = heic.mux().file(), avif.mux().file()


# One walk over boxes serves both formats, so the quick tests try each flood behind one of them.
@pytest.mark.parametrize("turn", [1, pytest.param(0, marks=pytest.mark.full)])
def test_boxes_without_end_cost_little(turn: int) -> None:
    floods = (
        (name, WHOLE[number % 2] + more * (MANY // len(more)))
        for number, (name, more) in enumerate(FLOODS.items(), turn)
    )
    assert_outcomes(floods, REFUSED_OR_READ)


@pytest.mark.parametrize("depth", [50, 100_000])
def test_boxes_within_boxes_within_boxes_end(depth: int) -> None:
    data = b"".join(struct.pack(">I4s", 8 * (depth - n), b"moov") for n in range(depth))
    for whole in (heic.mux().file(), avif.mux().file()):
        assert end(whole + data).outcome in REFUSED_OR_READ


def with_length(data: bytes, name: bytes, length: int) -> bytes:
    """The file with another length in the header of its first box of this name."""
    at = data.index(name) - 4
    return data[:at] + struct.pack(">I", length) + data[at + 4 :]


@pytest.mark.parametrize("data", WHOLE, ids=["heic", "avif"])
def test_a_box_whose_length_lies_is_refused_or_read(data: bytes) -> None:
    lying = (
        ((name, length), with_length(data, name, length))
        for name in (b"ftyp", b"meta", b"iloc", b"iinf", b"ipco", b"ispe", b"mdat")
        for length in (0, 1, 2, 7, 2**31, 2**32 - 1)
    )
    assert_outcomes(lying, REFUSED_OR_READ)


def test_samples_without_end_are_refused() -> None:
    data = bytearray(avif.animation())
    at = data.index(b"stsz") + 12
    struct.pack_into(">I", data, at, 2**31)
    assert end(bytes(data)).outcome == "too_many_frames"
