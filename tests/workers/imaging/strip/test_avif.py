"""Stripped AVIFs: which items, properties and parts of AV1 are written again."""

import struct
from dataclasses import replace

import pytest

from shared.imagetype import ImageType
from tests.workers.imaging import planting
from tests.workers.imaging.planting import SECRET, coded
from tests.workers.imaging.strip.test_strip import stripped
from workers.imaging.formats.heif_items import Item, Still
from workers.imaging.strip import strip
from workers.imaging.strip.isobmff_writer import box


def test_a_thumbnail_and_a_gain_map_of_an_avif_are_removed() -> None:
    thumbnail = coded(8)
    map_ = replace(
        coded(16), properties=(*coded(16).properties, (b"auxC", bytes(4) + b"urn:SECRET\0", False))
    )
    references = ((b"thmb", 4, (1,)), (b"auxl", 5, (1,)))
    data = planting.grid((4, thumbnail), (5, map_), references=references)
    assert stripped(data, "AVIF") == stripped(planting.grid(), "AVIF")


def test_equal_tiles_of_an_avif_are_stored_once() -> None:
    tile = coded(0)
    twice, once = (Still(1, {1: tile, **more}, ()) for more in ({2: tile}, {}))
    assert len(planting.heif(twice)) - len(planting.heif(once)) < len(tile.data)


@pytest.mark.parametrize("name", [b"irot", b"imir", b"clap", b"a1op"])
def test_an_avif_that_is_not_shown_as_stored_is_refused(name: bytes) -> None:
    item = coded()
    turned = replace(item, properties=(*item.properties, (name, b"\1", True)))
    assert strip(planting.heif(Still(1, {1: item}, ())), ImageType.AVIF) is not None
    assert strip(planting.heif(Still(1, {1: turned}, ())), ImageType.AVIF) is None


def test_names_and_unknown_properties_of_an_avif_are_removed() -> None:
    item = coded()
    named = replace(item, properties=(*item.properties, (b"udes", b"SECRET", False)))
    assert SECRET not in stripped(planting.heif(Still(1, {1: named}, ())), "AVIF")


def test_padding_in_the_av1_of_an_avif_is_removed() -> None:
    item = coded()
    padded = replace(item, data=item.data + bytes((15 << 3 | 2, 6)) + SECRET)
    out = stripped(planting.heif(Still(1, {1: padded}, ())), "AVIF")
    assert out == stripped(planting.heif(Still(1, {1: item}, ())), "AVIF")


def test_metadata_in_the_av1_of_an_avif_is_refused() -> None:
    item = coded()
    described = replace(item, data=item.data + bytes((5 << 3 | 2, 7, 4)) + SECRET)
    assert strip(planting.heif(Still(1, {1: described}, ())), ImageType.AVIF) is None


@pytest.mark.parametrize("codes", [None, (12, 13)])
def test_an_avif_whose_profile_hides_other_colours_is_refused(
    codes: tuple[int, int] | None,
) -> None:
    item = coded()
    plain = tuple(prop for prop in item.properties if prop[0] != b"colr")
    nclx = b"nclx" + struct.pack(">HHHB", *(codes or (1, 13)), 6, 0x80)
    colours = [(b"colr", b"prof" + planting.SRGB, False)]
    colours += [(b"colr", nclx, False)] if codes else []
    profiled: Item = replace(item, properties=(*plain, *colours))
    assert strip(planting.heif(Still(1, {1: profiled}, ())), ImageType.AVIF) is None


def test_an_avif_with_an_animation_is_refused() -> None:
    data = planting.heif(Still(1, {1: coded()}, ()))
    assert strip(data + box(b"moov", b""), ImageType.AVIF) is None


def test_an_avif_with_its_pixels_in_idat_is_read() -> None:
    data = planting.heif(Still(1, {1: coded()}, ()))
    piece = coded().data
    at = data.index(piece) - 8
    meta = data.index(b"meta") - 4
    idat = box(b"idat", piece)
    moved = bytearray(data[:at] + idat)
    struct.pack_into(">I", moved, meta, at - meta + len(idat))
    iloc = moved.index(b"iloc")
    place = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(piece))  # version 1, with a method
    old = moved[iloc - 4 : iloc + 12 + 14]
    new = box(b"iloc", b"\1\0\0\0\x44\0\0\1", place)
    moved[iloc - 4 : iloc - 4 + len(old)] = new
    struct.pack_into(">I", moved, meta, at - meta + len(idat) + len(new) - len(old))
    assert stripped(bytes(moved), "AVIF") == stripped(data, "AVIF")
