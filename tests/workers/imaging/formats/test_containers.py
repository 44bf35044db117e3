"""One reader per container: where each walk ends, what it passes over, and what it refuses."""

import struct
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from shared import png_chunks
from tests.hostile.jpegs import EOI, SOI, frame, scan
from tests.workers.imaging.making import chunk
from tests.workers.imaging.planting import segment
from workers.imaging.formats import gif, isobmff, jpeg, riff
from workers.imaging.formats.measured import Measured
from workers.imaging.strip.isobmff_writer import box

SCREEN = b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0)
COMMENT = b"!\xfe"  # what a GIF's comment begins with
IMAGE = b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\2"  # up to its sub-blocks


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def webp(*parts: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + b"".join(parts)


ENDLESS: dict[str, tuple[Callable[[bytes], Iterator[object]], bytes, bytes, int]] = {
    "PNG": (png_chunks.chunks, png_chunks.SIGNATURE, chunk(b"prVt", b""), png_chunks.MAX_CHUNKS),
    "JPEG": (jpeg.segments, SOI, segment(0xFE, b""), jpeg.MAX_SEGMENTS),
    "GIF": (gif.blocks, SCREEN, COMMENT + b"\1x\0", gif.MAX_BLOCKS // 2),
    "RIFF": (riff.chunks, webp(), riff_chunk(b"ABCD", b""), riff.MAX_CHUNKS),
    "boxes": (isobmff.walk, b"", box(b"free"), isobmff.MAX_BOXES),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_pieces_are_walked_up_to_the_cap_and_refused_beyond_it(name: str) -> None:
    walk, head, piece, cap = ENDLESS[name]
    assert len(list(walk(head + piece * (cap - 2)))) == cap - 2
    pieces = walk(head + piece * (2 * cap))  # lazy: the pieces before the cap come all the same
    assert len(list(islice(pieces, cap))) == cap
    with pytest.raises(ValueError, match="too many"):
        next(pieces)


def test_png_chunks_end_behind_iend() -> None:
    data = png_chunks.SIGNATURE + chunk(b"IDAT", b"ab") + chunk(b"IEND", b"") + chunk(b"prVt", b"")
    first, last = png_chunks.chunks(data)
    assert first == (b"IDAT", 8, 22)
    assert png_chunks.body(data, 8, 22) == b"ab"
    assert last == (b"IEND", 22, 34)
    assert list(png_chunks.whole_chunks(data)) == [first, last]


@pytest.mark.parametrize("length", [2, 2**32 - 1])
def test_a_png_chunk_longer_than_its_file_ends_behind_it(length: int) -> None:
    data = png_chunks.SIGNATURE + struct.pack(">I4s", length, b"IDAT") + bytes(5)
    (found,) = png_chunks.chunks(data)
    assert found == (b"IDAT", 8, 20 + length)
    assert found[2] > len(data)
    with pytest.raises(ValueError, match="cut short"):
        list(png_chunks.whole_chunks(data))


def test_a_png_without_its_end_is_walked_but_not_whole() -> None:
    for cut in range(12):
        data = png_chunks.SIGNATURE + chunk(b"IDAT", b"ab") + chunk(b"IEND", b"")[:cut]
        assert next(png_chunks.chunks(data))[0] == b"IDAT", cut
        with pytest.raises(ValueError, match=r"cut short|no end"):
            list(png_chunks.whole_chunks(data))


def test_a_png_chunk_is_intact_if_its_checksum_is_right() -> None:
    data = png_chunks.SIGNATURE + chunk(b"IDAT", b"ab") + chunk(b"IEND", b"")
    _, *place = next(png_chunks.chunks(data))
    assert png_chunks.is_intact(data, *place)
    assert not png_chunks.is_intact(data.replace(b"ab", b"ac"), *place)
    assert not png_chunks.is_intact(data.replace(b"IDAT", b"IDAt"), *place)


def markers(data: bytes) -> list[int]:
    return [one.marker for one in jpeg.segments(data)]


def test_jpeg_segments_pass_over_what_is_none() -> None:
    table = segment(0xDB, b"table")
    between = b"stray\xff\0\xff\xd0\xff\1\xff\xbf\xff\xff"
    data = SOI + table + between + scan(0, 0, 63, b"\xff\0\xff\xd7bits") + EOI
    assert markers(data) == [0xDB, 0xDA, 0xD9]
    first, second, _ = jpeg.segments(data)
    assert (first.start, first.end) == (2, 11)
    assert second.start == 11 + len(between)


def test_reserved_markers_of_a_jpeg_are_segments_if_asked_for() -> None:
    data = SOI + segment(0x02, b"") + segment(0xDB, b"") + EOI
    assert markers(data) == [0xDB, 0xD9]
    assert [one.marker for one in jpeg.segments(data, reserved=True)] == [0x02, 0xDB, 0xD9]


def test_a_jpeg_segment_cut_short_is_the_last() -> None:
    for tail in (b"", b"\0", b"\xff\xff", b"\0\1x"):
        data = SOI + segment(0xDB, b"table") + b"\xff\xe1" + tail
        assert markers(data) == [0xDB, 0xE1], tail


def test_a_jpeg_segment_shorter_than_its_length_field_ends_behind_it() -> None:
    for length in (0, 1):
        data = SOI + b"\xff\xe1" + struct.pack(">H", length) + segment(0xDB, b"") + EOI
        first, *others = jpeg.segments(data)
        assert first == (0xE1, 2, 6), length
        assert [one.marker for one in others] == [0xDB, 0xD9], length


FRAME = frame(0xC0, 30, 20)


def test_a_jpeg_has_the_size_of_its_first_frame_header() -> None:
    data = SOI + segment(0xFE, FRAME) + FRAME + frame(0xC2, 99, 99) + scan(0, 0, 63, b"") + EOI
    assert jpeg.measure(data) == Measured(30, 20)
    assert jpeg.measure(SOI + b"\xff\xe1\0\1" + FRAME) == Measured(30, 20, unended=True)


@pytest.mark.parametrize(
    "data",
    [
        SOI,
        SOI + EOI + FRAME,
        SOI + scan(0, 0, 63, b"") + FRAME,
        SOI + segment(0xC0, FRAME[4:9]),
        SOI + FRAME[:9],
        SOI + bytes(20_001) + FRAME,
        SOI + b"\xff" * 20_001 + FRAME,
    ],
    ids=["empty", "end", "scan", "short", "cut", "stray bytes", "fill bytes"],
)
def test_a_jpeg_without_a_whole_frame_header_in_front_is_not_measured(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"no frame header|cut short"):
        jpeg.measure(data)


def test_stray_bytes_before_the_frame_header_are_passed_over() -> None:
    assert jpeg.measure(SOI + bytes(20_000) + FRAME) == Measured(30, 20, unended=True)


def test_gif_blocks_tell_where_their_sub_blocks_are() -> None:
    colours = bytes(6)
    own = IMAGE[:9] + b"\x80" + colours + b"\2"
    data = SCREEN + COMMENT + b"\2ab\1c\0" + own + b"\1x\0" + b";" + IMAGE
    comment, image = gif.blocks(data)
    assert comment == (gif.EXTENSION, 13, 15, 21)
    assert image == (gif.IMAGE, 21, 21 + 10 + 6 + 1, len(data) - 1 - len(IMAGE))


def test_the_colour_table_of_a_gif_stands_before_its_blocks() -> None:
    data = SCREEN[:10] + b"\xf7\0\0" + bytes(768) + COMMENT + b"\0"
    (found,) = gif.blocks(data)
    assert found.start == 13 + 768


def test_a_gif_needs_no_trailer() -> None:
    assert len(list(gif.blocks(SCREEN + IMAGE + b"\1x\0"))) == 1


def test_a_gif_block_that_breaks_off_is_damage() -> None:
    for data in (IMAGE, IMAGE[:8], IMAGE + b"\xffx", COMMENT, b"!"):
        with pytest.raises(IndexError):
            list(gif.blocks(SCREEN + data))


def test_what_is_no_gif_block_is_damage() -> None:
    with pytest.raises(ValueError, match="not a block"):
        list(gif.blocks(SCREEN + b"?"))


def test_sub_blocks_of_a_gif_count_as_blocks() -> None:
    data = SCREEN + COMMENT + b"\1x" * gif.MAX_BLOCKS + b"\0"
    with pytest.raises(ValueError, match="too many"):
        list(gif.blocks(data))


def test_riff_chunks_are_padded_to_whole_words() -> None:
    data = webp(riff_chunk(b"ABCD", b"odd"), riff_chunk(b"EFGH", b"even"))
    assert list(riff.chunks(data)) == [(b"ABCD", 20, 23), (b"EFGH", 32, 36)]
    assert list(riff.whole_chunks(data)) == [(b"ABCD", b"odd"), (b"EFGH", b"even")]


def test_riff_chunks_are_walked_into_frames_if_asked_for() -> None:
    inner = riff_chunk(b"VP8L", b"pixels")
    data = webp(riff_chunk(b"ANMF", bytes(16) + inner), riff_chunk(b"EXIF", b""))
    assert [name for name, *_ in riff.chunks(data)] == [b"ANMF", b"EXIF"]
    nested = [name for name, *_ in riff.chunks(data, into_frames=True)]
    assert nested == [b"ANMF", b"VP8L", b"EXIF"]


@pytest.mark.parametrize("length", [3, 2**32 - 1])
def test_a_riff_chunk_longer_than_its_file_ends_behind_it(length: int) -> None:
    data = webp(b"ABCD" + struct.pack("<I", length) + b"ab")
    assert list(riff.chunks(data)) == [(b"ABCD", 20, 20 + length)]
    with pytest.raises(ValueError, match="cut short"):
        list(riff.whole_chunks(data))


def test_a_riff_header_that_does_not_fit_is_passed_over() -> None:
    for cut in range(1, 8):
        data = webp(riff_chunk(b"ABCD", b""), riff_chunk(b"EFGH", b"")[:cut])
        assert [name for name, _ in riff.whole_chunks(data)] == [b"ABCD"], cut


def test_a_riff_chunk_that_reaches_past_the_given_end_is_cut_short() -> None:
    data = webp(riff_chunk(b"ABCD", b"abcd"))
    with pytest.raises(ValueError, match="cut short"):
        list(riff.whole_chunks(data, riff.FIRST, len(data) - 1))


def test_boxes_come_before_the_boxes_in_them() -> None:
    data = box(b"moov", box(b"trak", box(b"tkhd", b"x"))) + box(b"mdat", box(b"free"))
    assert [name for name, *_ in isobmff.walk(data)] == [b"moov", b"trak", b"tkhd", b"mdat"]
    assert [name for name, *_ in isobmff.walk(data, {b"mdat": 0})] == [b"moov", b"mdat", b"free"]


@pytest.mark.parametrize(("version", "count"), [(0, bytes(2)), (1, bytes(4))])
def test_the_count_of_an_item_table_has_the_width_of_its_version(
    version: int, count: bytes
) -> None:
    data = box(b"iinf", bytes((version, 0, 0, 0)), count, box(b"infe"))
    assert [name for name, *_ in isobmff.walk(data)] == [b"iinf", b"infe"]


@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">I4s", 12, b"mdat"),
        struct.pack(">I4s", 2**32 - 1, b"mdat"),
        struct.pack(">I4sQ", 1, b"mdat", 20),
        struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1),
    ],
    ids=["one byte", "32 bits", "64 bits, one byte", "64 bits"],
)
def test_a_box_longer_than_what_encloses_it_is_cut(header: bytes) -> None:
    data = box(b"free") + header + bytes(3)
    *_, found = isobmff.walk(data)
    assert found == (b"mdat", 8 + len(header), len(data), True)
    with pytest.raises(ValueError, match="cut short"):
        list(isobmff.whole_boxes(data))


def test_a_box_of_length_zero_ends_with_what_encloses_it() -> None:
    data = struct.pack(">I4s", 0, b"mdat") + b"abc"
    assert list(isobmff.walk(data)) == [(b"mdat", 8, 11, False)]
    assert list(isobmff.whole_boxes(data)) == [(b"mdat", b"abc")]


@pytest.mark.parametrize(
    "header", [struct.pack(">I4s", 7, b"free"), struct.pack(">I4sQ", 1, b"free", 15)]
)
def test_a_box_shorter_than_its_header_is_damage(header: bytes) -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(isobmff.walk(header + bytes(20)))


def test_bytes_behind_the_last_box_are_passed_over_but_not_whole() -> None:
    for tail in (b"x", bytes(7)):
        data = box(b"free") + tail
        assert len(list(isobmff.walk(data))) == 1, tail
        with pytest.raises(ValueError, match="cut short"):
            list(isobmff.whole_boxes(data))


def test_boxes_nested_sixty_thousand_deep_are_walked_without_recursion() -> None:
    depth = 60_000
    data = b"".join(struct.pack(">I4s", 8 * (depth - n), b"moov") for n in range(depth))
    assert sum(1 for _ in isobmff.walk(data)) == depth


def test_fields_end_with_their_box() -> None:
    fields = isobmff.Fields(b"abcdef", (1, 5))
    assert (fields.read(2), fields.take(2)) == (0x6263, b"de")
    with pytest.raises(ValueError, match="cut short"):
        fields.read(1)
