"""The probe: type, size, frames and alpha from the header, and the limits that are checked then."""

import contextlib
import io
import struct
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shared.errors import (
    CorruptImageError,
    TooManyFramesError,
    TooManyPixelsError,
    UnsupportedImageError,
)
from shared.imagetype import ImageType
from tests.support import heic
from tests.support.types import TYPES
from workers.imaging.formats.probe import Probe, check_animation, check_limits, probe

KINDS = ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"]
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def still(kind: str, width: int = 37, height: int = 21) -> bytes:
    return saved(Image.new("RGB", (width, height), "teal"), kind)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return SIGNATURE + chunk(b"IHDR", fields)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def vp8l(width: int, height: int) -> bytes:
    return b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + bytes(9)


def vp8x(width: int, height: int) -> bytes:
    return bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def gif(frames: int, width: int = 4, height: int = 4) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 4, 4, 0, 0, 0) + frame * frames + b"\x3b"


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_is_known_with_its_size(kind: str) -> None:
    assert probe(still(kind)) == Probe(TYPES[kind], 37, 21, 1)


def test_lossless_and_transparent_webp_have_their_size_too() -> None:
    image = Image.new("RGBA", (37, 21), (1, 2, 3, 90))
    for options in ({"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}):
        assert probe(saved(image, "WEBP", **options)) == Probe(
            ImageType.WEBP, 37, 21, 1, alpha=True
        )


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("AVIF", {})],
    ids=["PNG", "WEBP", "lossless WEBP", "AVIF"],
)
def test_alpha_is_told_from_the_header(kind: str, options: dict[str, bool], mode: str) -> None:
    image = Image.new(mode, (37, 21), (1, 2, 3, 90)[: len(mode)])
    assert probe(saved(image, kind, **options)).alpha == (mode == "RGBA")


def test_alpha_of_a_webp_counts_even_if_its_first_chunk_does_not_announce_it() -> None:
    stored = saved(Image.new("RGBA", (37, 21), (1, 2, 3, 90)), "WEBP", lossless=True)
    assert probe(riff((b"VP8X", vp8x(37, 21)), (b"VP8L", stored[20:]))).alpha


@pytest.mark.parametrize("flags", [0, 2])
def test_a_webp_with_the_flag_of_animations_is_composed_even_of_one_frame(flags: int) -> None:
    canvas = bytes((flags,)) + vp8x(37, 21)[1:]
    frame = bytes(6) + vp8x(37, 21)[4:] + bytes(4)
    data = riff((b"VP8X", canvas), (b"ANIM", bytes(6)), (b"ANMF", frame))
    assert (probe(data).frames, probe(data).composed) == (1, bool(flags))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_alpha_of_a_heic_is_told_from_its_boxes(mode: str) -> None:
    assert probe(heic.still(mode=mode)).alpha == (mode == "RGBA")


def test_a_png_with_transparent_entries_in_its_palette_has_alpha() -> None:
    image = Image.new("P", (37, 21))
    assert probe(saved(image, "PNG", transparency=0)).alpha
    assert not probe(saved(image, "PNG")).alpha


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_the_frames_of_an_animation_are_counted(kind: str) -> None:
    frames = [Image.new("RGB", (37, 21), colour) for colour in ("red", "lime", "blue", "white")]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert probe(data).frames == 4


def test_the_size_is_as_stored_before_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.new("RGB", (37, 21)), "JPEG", exif=exif.tobytes())
    assert (probe(data).width, probe(data).height) == (37, 21)


@pytest.mark.parametrize(
    "data",
    [
        b"\0",
        b"Just some text, saved as IMG_0001.JPG",
        b"BMW drivers read this text, which begins like a bitmap",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"<?xml version='1.0'?><svg/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"%PDF-1.7\n",
        b"P6 9 9 255\n",
        b"\0\0\0\x18ftypmsf1\0\0\0\0msf1heic",
        b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        bytes(100),
    ],
)
def test_anything_else_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedImageError):
        probe(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_cut_short_is_corrupt(kind: str) -> None:
    with pytest.raises(CorruptImageError):
        probe(still(kind)[:24])


@pytest.mark.parametrize("size", [(0, 9), (9, 0)])
def test_a_side_of_zero_is_corrupt(size: tuple[int, int]) -> None:
    with pytest.raises(CorruptImageError):
        probe(header(*size) + chunk(b"IDAT", b""))


def test_a_huge_header_is_refused_at_once_and_without_memory() -> None:
    data = header(60_000, 60_000) + chunk(b"IDAT", zlib.compress(b"\0"))
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(TooManyPixelsError) as caught:
        check_limits(probe(data), 100_000_000, 1_000)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.message == (
        "The image has 60000 x 60000 pixels; at most 100 megapixels are allowed"
    )
    assert seconds < 0.1
    assert peak < 100_000


def test_a_webp_bomb_of_34_bytes_is_refused() -> None:
    bomb = riff((b"VP8L", vp8l(13_000, 13_000)))
    assert len(bomb) == 34
    with pytest.raises(TooManyPixelsError):
        check_limits(probe(bomb), 100_000_000, 1_000)


@pytest.mark.parametrize("canvas", [(10, 10), (16_000, 16_000)])
def test_the_largest_of_canvas_and_bitstream_counts(canvas: tuple[int, int]) -> None:
    data = riff((b"VP8X", vp8x(*canvas)), (b"VP8L", vp8l(12_000, 300)))
    seen = probe(data)
    assert (seen.width, seen.height) == (max(12_000, canvas[0]), max(300, canvas[1]))


def test_a_webp_frame_larger_than_the_canvas_counts() -> None:
    frame = bytes(6) + (8_999).to_bytes(3, "little") * 2 + bytes(4)
    body = frame + b"VP8L" + struct.pack("<I", 14) + vp8l(9_500, 7)
    seen = probe(riff((b"VP8X", vp8x(10, 10)), (b"ANMF", body)))
    assert (seen.width, seen.height, seen.frames) == (9_500, 9_000, 1)


def test_the_scale_bits_of_webp_are_no_part_of_its_size() -> None:
    data = bytearray(still("WEBP"))
    data[27] |= 0x40
    data[29] |= 0x80
    assert (probe(bytes(data)).width, probe(bytes(data)).height) == (37, 21)


def test_a_gif_of_2000_frames_is_refused() -> None:
    with pytest.raises(TooManyFramesError) as caught:
        check_limits(probe(gif(2_000)), 100_000_000, 1_000)
    assert caught.value.message == "The image has 2000 frames; at most 1000 are allowed"


def test_a_long_gif_of_tiny_frames_on_a_large_canvas_is_refused_from_its_header() -> None:
    data = bytearray(gif(2_000))
    data[6:10] = struct.pack("<HH", 4_000, 3_000)
    assert len(data) < 40_000
    with pytest.raises(TooManyFramesError) as caught:
        check_animation(probe(bytes(data)), ImageType.AVIF, 150_000_000)
    assert caught.value.message == (
        "The animation has 2000 frames of 4000 x 3000 pixels, 24000 megapixels together; "
        "at most 150 are allowed"
    )


def test_the_limit_on_animations_includes_its_number() -> None:
    check_animation(probe(gif(10)), ImageType.WEBP, 160)
    with pytest.raises(TooManyFramesError):
        check_animation(probe(gif(10)), ImageType.WEBP, 159)


@pytest.mark.parametrize("to", [ImageType.JPG, ImageType.PNG])
def test_where_only_the_first_frame_is_used_animations_have_no_limit(to: ImageType) -> None:
    check_animation(probe(gif(10)), to, 1)


@pytest.mark.parametrize("kind", ["PNG", "AVIF", "TIFF"])
def test_kinds_that_give_their_first_frame_have_no_limit_on_animations(kind: str) -> None:
    check_animation(Probe(TYPES[kind], 4, 4, 10), ImageType.WEBP, 1)


def test_a_still_has_no_limit_on_animations() -> None:
    check_animation(probe(still("GIF")), ImageType.WEBP, 1)


def test_a_gif_frame_past_the_screen_counts() -> None:
    seen = probe(gif(1, 50_000, 40_000))
    assert (seen.width, seen.height) == (50_000, 40_000)


@pytest.mark.parametrize("code", [3, 4])
def test_a_tiff_tile_larger_than_its_picture_counts(code: int) -> None:
    sides = ((256, 100), (257, 100), (322, 40_000), (323, 50_000))
    body = b"".join(struct.pack("<HHII", tag, code, 1, side) for tag, side in sides)
    data = b"II*\0" + struct.pack("<IH", 8, len(sides)) + body + bytes(4)
    assert probe(data) == Probe(ImageType.TIFF, 40_000, 50_000, 1)


def test_the_directories_of_a_bigtiff_are_counted() -> None:
    frames = [Image.new("RGB", (37, 21), colour) for colour in ("red", "lime", "blue")]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:], big_tiff=True)
    assert data[2] == 43
    assert probe(data) == Probe(ImageType.TIFF, 37, 21, 3)


def test_a_ring_of_tiff_directories_ends() -> None:
    entries = struct.pack("<HHII", 256, 4, 1, 9) + struct.pack("<HHII", 257, 4, 1, 9)
    ring = struct.pack("<H", 2) + entries + struct.pack("<I", 8)
    assert probe(b"II*\0" + struct.pack("<I", 8) + ring) == Probe(ImageType.TIFF, 9, 9, 1)


def test_a_bitmap_stored_from_the_top_has_a_height() -> None:
    data = bytearray(still("BMP"))
    data[22:26] = struct.pack("<i", -21)
    assert probe(bytes(data)) == Probe(ImageType.BMP, 37, 21, 1)


def test_an_os2_bitmap_has_its_16_bit_size() -> None:
    data = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 40_000, 21, 1, 24) + bytes(9)
    assert probe(data) == Probe(ImageType.BMP, 40_000, 21, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + bytes(20_000_000),
        b"\xff\xd8" + b"\xff\x01" * 10_000_000,
        gif(1)[:-2] + b"\x01\0" * 10_000_000,
        SIGNATURE + chunk(b"IHDR", bytes(13)) + bytes(20_000_000),
        riff((b"VP8X", vp8x(9, 9))) + bytes(20_000_000),
        box(b"ftyp", b"avif", bytes(4), b"avif") + struct.pack(">I4s", 8, b"meta") * 2_000_000,
        b"II*\0" + struct.pack("<I", 8) + struct.pack("<HI", 0, 14) * 3_000_000,
    ],
    ids=["jpeg filler", "jpeg markers", "gif", "png", "webp", "avif", "tiff"],
)
def test_hostile_files_of_full_size_are_walked_in_bounded_time(data: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(CorruptImageError):
        probe(data)
    assert time.process_time() - started < 3


@given(st.sampled_from(KINDS), st.integers(8, 400), st.binary(min_size=1, max_size=12))
def test_broken_bytes_raise_nothing_but_image_errors(kind: str, at: int, noise: bytes) -> None:
    data = still(kind)
    with contextlib.suppress(CorruptImageError, UnsupportedImageError):
        probe(data[:at] + noise + data[at + len(noise) :])


@pytest.mark.parametrize("limit", [(37 * 21, 1), (37 * 21 + 1, 2)])
def test_limits_include_their_number(limit: tuple[int, int]) -> None:
    check_limits(probe(still("PNG")), *limit)


def test_an_empty_file_is_corrupt_and_says_so() -> None:
    with pytest.raises(CorruptImageError, match="empty"):
        probe(b"")
