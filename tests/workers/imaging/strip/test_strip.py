"""Stripped files: the same pixels, and nothing beside them."""

import struct
import tracemalloc
import zlib

import pytest

from shared.imagetype import ImageType
from tests.support.types import TYPES
from tests.workers.imaging import planting
from tests.workers.imaging.making import chunk, noise, png, riff, saved, with_exif
from tests.workers.imaging.planting import FILES, SECRET, opened_all, soft
from workers.imaging.strip import strip

EVERY = [pytest.param(kind, data, id=name) for name, (kind, data) in FILES.items()]
GRADIENT = png((4, 1, 8, 0), b"\0\0\x40\x80\xff")


def stripped(data: bytes, kind: str) -> bytes:
    out = strip(data, TYPES[kind])
    assert out is not None
    return out


def test_every_file_had_a_secret_to_lose() -> None:
    assert all(SECRET in data for _, data in FILES.values())


@pytest.mark.parametrize(("kind", "data"), EVERY)
def test_every_pixel_frame_and_time_of_a_whole_file_stays_and_nothing_else(
    kind: str, data: bytes
) -> None:
    out = stripped(data, kind)
    assert opened_all(out) == opened_all(data)
    assert len(out) < len(data)
    for name in (SECRET, b"Exif", b"EXIF", b"XMP ", b"ICCP", b"acsp", b"mime"):
        assert name not in out
    assert stripped(out, kind) == out, "a stripped file must stay as it is"
    for length in (len(out) * 2 // 3, len(out) - 1):
        assert strip(out[:length], TYPES[kind]) is None, f"cut to {length} bytes"


def test_the_second_picture_of_an_mpf_jpeg_is_removed() -> None:
    second = soft().convert("L")
    data = saved(soft(), "MPO", save_all=True, append_images=[second])
    out = stripped(data, "JPEG")
    assert (out.count(b"\xff\xd8\xff"), b"MPF" in out) == (1, False)
    assert opened_all(out) == opened_all(saved(soft(), "JPEG"))


def test_a_stripped_jpeg_names_the_same_colour_model() -> None:
    # Components named R, G and B are YCbCr all the same if there is a JFIF header.
    data = bytearray(saved(soft(), "JPEG", subsampling="4:4:4"))
    frame, scan = data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5
    data[frame : frame + 9 : 3] = data[scan : scan + 6 : 2] = b"RGB"
    assert opened_all(stripped(bytes(data), "JPEG")) == opened_all(bytes(data))


def test_a_jpeg_whose_adobe_segment_alone_says_rgb_stays_rgb() -> None:
    data = bytearray(saved(soft(), "JPEG", keep_rgb=True))
    frame, scan = data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5
    data[frame : frame + 9 : 3] = data[scan : scan + 6 : 2] = b"\1\2\3"
    assert opened_all(bytes(data)) == opened_all(saved(soft(), "JPEG", keep_rgb=True))
    assert opened_all(stripped(bytes(data), "JPEG")) == opened_all(bytes(data))


def test_versions_and_thumbnails_in_the_headers_of_a_jpeg_are_removed() -> None:
    data = saved(soft(), "JPEG", keep_rgb=True)
    thumbnail = planting.segment(0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\1\1SEC")
    adobe = planting.segment(0xEE, b"AdobeSECRET\0more SECRET")
    bare = stripped(data, "JPEG")
    out = stripped(bare[:2] + thumbnail + adobe + bare[2:], "JPEG")
    assert b"SEC" not in out


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param(0xC9, id="arithmetic"),
        pytest.param(0xDC, id="DNL"),
        pytest.param(0xDE, id="DHP"),
    ],
)
def test_a_jpeg_that_not_every_browser_reads_is_refused(marker: int) -> None:
    data = saved(soft(), "JPEG")
    at = data.index(b"\xff\xdb")
    assert strip(data[:at] + planting.segment(marker, bytes(9)) + data[at:], ImageType.JPG) is None


def test_bytes_behind_the_pixels_in_a_png_are_removed() -> None:
    stream = zlib.compress(b"\0\0\x40\x80\xff") + SECRET
    data = GRADIENT[:33] + chunk(b"IDAT", stream) + GRADIENT[-12:]
    out = stripped(data, "PNG")
    assert SECRET not in out
    assert opened_all(out) == opened_all(GRADIENT)


def test_a_png_with_more_rows_than_it_shows_is_refused() -> None:
    assert strip(png((4, 1, 8, 0), b"\0\0\x40\x80\xff" * 2), ImageType.PNG) is None


def test_a_png_that_inflates_without_end_is_refused_in_little_memory() -> None:
    bomb = png((4, 1, 8, 0), bytes(50_000_000))
    tracemalloc.start()
    try:
        assert strip(bomb, ImageType.PNG) is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [b"acTL", b"fcTL", b"fdAT"])
def test_an_animated_png_is_refused(name: bytes) -> None:
    assert strip(GRADIENT[:33] + chunk(name, bytes(8)) + GRADIENT[33:], ImageType.PNG) is None


@pytest.mark.parametrize(
    ("codes", "kept"), [(b"\1\x0d\0\1", True), (b"\x0c\x0d\0\1", False), (b"\x09\x10\0\1", False)]
)
def test_a_png_stays_only_if_its_colour_codes_are_of_srgb(codes: bytes, kept: bool) -> None:
    out = strip(GRADIENT[:33] + chunk(b"cICP", codes) + GRADIENT[33:], ImageType.PNG)
    assert out == (GRADIENT if kept else None)


def test_an_unknown_critical_chunk_of_a_png_is_refused() -> None:
    assert strip(GRADIENT[:33] + chunk(b"NEWs", b"") + GRADIENT[33:], ImageType.PNG) is None


def test_a_suggested_palette_is_removed() -> None:
    data = saved(soft(), "PNG")
    assert strip(data[:33] + chunk(b"PLTE", b"SECRET") + data[33:], ImageType.PNG) == stripped(
        data, "PNG"
    )


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
def test_a_webp_that_needs_no_extended_header_loses_it(options: dict[str, bool]) -> None:
    simple = saved(soft(), "WEBP", **options)
    extended = saved(soft(), "WEBP", exif=with_exif(), **options)
    assert stripped(extended, "WEBP") == simple


def test_chunks_behind_a_webp_without_an_extended_header_are_removed() -> None:
    simple = saved(soft(), "WEBP")
    assert stripped(riff((b"VP8 ", simple[20:]), (b"EXIF", SECRET)), "WEBP") == simple


def test_the_header_of_a_stripped_webp_names_only_what_is_left() -> None:
    out = stripped(FILES["webp lossy, alpha"][1], "WEBP")
    assert (out[12:16], out[20:24]) == (b"VP8X", b"\x10\0\0\0")
    assert struct.unpack_from("<I", out, 4)[0] == len(out) - 8


def test_two_pictures_in_a_still_webp_are_refused() -> None:
    simple = saved(soft(), "WEBP")
    canvas = stripped(FILES["webp lossy, alpha"][1], "WEBP")[20:30]
    body = (b"VP8 ", simple[20:])
    assert strip(riff((b"VP8X", canvas), body, body), ImageType.WEBP) is None


def test_unknown_chunks_in_a_frame_of_a_webp_are_removed() -> None:
    data = stripped(FILES["webp animated"][1], "WEBP")
    at = data.rindex(b"ANMF")
    length = struct.unpack_from("<I", data, at + 4)[0]
    frame = data[at + 8 :] + b"SCRT" + struct.pack("<I", 6) + SECRET
    body = data[8:at] + b"ANMF" + struct.pack("<I", length + 14) + frame
    assert stripped(b"RIFF" + struct.pack("<I", len(body)) + body, "WEBP") == data


def test_other_kinds_are_refused() -> None:
    assert strip(saved(noise(), "GIF"), ImageType.GIF) is None
