"""JPEG as libjpeg reads it: segments that are too short, and no EOI behind the last pixel."""

import pytest
from PIL import Image

from shared.errors import CorruptImageError
from shared.imagetype import ImageType
from tests.conformance.inputs import with_segments
from tests.workers.imaging.making import (
    DISPLAY_P3,
    matrix_profile,
    noise,
    opened,
    pixels,
    result,
    run,
    saved,
)
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import probe

PHOTO = noise(90, 60)
BARE = saved(PHOTO, "JPEG")[:2] + saved(PHOTO, "JPEG")[20:]  # without JFIF
P3 = matrix_profile(DISPLAY_P3, 2.2)
SHORT = {
    "JFIF": (0xE0, b"JFIF\0"),
    "JFIF without density": (0xE0, b"JFIF\0\1\1"),
    "JFIF without its zero": (0xE0, b"JFIF\1\1\0\0\1\0\1\0\0"),
    "JFXX": (0xE0, b"JFXX\0"),
    "nothing": (0xE0, b""),
    "Exif": (0xE1, b"Exif\0\0"),
    "Exif without a directory": (0xE1, b"Exif\0\0MM\0*"),
    "XMP": (0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
    "a profile": (0xE2, b"ICC_PROFILE\0"),
    "a profile with its number": (0xE2, b"ICC_PROFILE\0\1"),
    "a profile of no bytes": (0xE2, b"ICC_PROFILE\0\1\1"),
    "a profile in two parts, one missing": (0xE2, b"ICC_PROFILE\0\1\2" + P3),
    "a profile that counts from 0": (0xE2, b"ICC_PROFILE\0\0\1" + P3),
    "an index of pictures": (0xE2, b"MPF\0MM\0*\0\0"),
    "FlashPix": (0xE2, b"FPXR\0"),
    "Photoshop": (0xED, b"Photoshop 3.0\0" + b"8BIM\4\4"),
    "Adobe": (0xEE, b"Adobe"),
    "Adobe, for RGB, without its last byte": (0xEE, b"Adobe\0\x64\0\0\0\0"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_segment_that_is_too_short_is_passed_over(name: str) -> None:
    data = with_segments(BARE, SHORT[name])
    assert (pixels(result(data)) == pixels(opened(BARE))).all()


@pytest.mark.parametrize("length", [0, 1])
def test_a_segment_shorter_than_its_own_length_is_passed_over(length: int) -> None:
    data = BARE[:2] + b"\xff\xe5" + bytes((0, length)) + BARE[2:]
    assert (pixels(result(data)) == pixels(opened(BARE))).all()


def profile_parts(count: int) -> list[tuple[int, bytes]]:
    size = -(-len(P3) // count)
    parts = [P3[at : at + size] for at in range(0, len(P3), size)]
    head = b"ICC_PROFILE\0"
    return [(0xE2, head + bytes((n, count)) + part) for n, part in enumerate(parts, 1)]


def test_a_profile_is_read_in_any_order_and_without_its_short_segments() -> None:
    expected = result(with_segments(BARE, *profile_parts(1)))
    assert (pixels(expected) != pixels(opened(BARE))).any()
    first, second, third = profile_parts(3)
    data = with_segments(BARE, third, SHORT["a profile"], first, second)
    assert (pixels(result(data)) == pixels(expected)).all()


def test_a_profile_with_a_part_twice_is_none() -> None:
    first, second, _ = profile_parts(3)
    data = with_segments(BARE, first, first, second)
    assert (pixels(result(data)) == pixels(opened(BARE))).all()


def test_a_profile_behind_the_frame_header_is_read() -> None:
    frame = BARE.index(b"\xff\xc0")
    behind = frame + 2 + int.from_bytes(BARE[frame + 2 : frame + 4], "big")
    (_, body), *_ = profile_parts(1)
    segment = b"\xff\xe2" + (len(body) + 2).to_bytes(2, "big") + body
    seen = result(BARE[:behind] + segment + BARE[behind:])
    assert (pixels(seen) == pixels(result(with_segments(BARE, *profile_parts(1))))).all()


KINDS: dict[str, tuple[Image.Image, dict[str, object]]] = {
    "baseline": (PHOTO, {}),
    "progressive": (PHOTO, {"progressive": True}),
    "with restarts": (PHOTO, {"restart_marker_blocks": 2}),
    "grey": (PHOTO.convert("L"), {}),
    "press": (PHOTO.convert("CMYK"), {}),
    "smooth": (noise(9, 6).resize((90, 60)), {"subsampling": "4:4:4"}),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_jpeg_without_its_end_is_whole_as_long_as_no_pixel_is_missing(name: str) -> None:
    image, options = KINDS[name]
    data = saved(image, "JPEG", **options)
    whole = decode(data, probe(data)).image.tobytes()
    for cut in (data[:-1], data[:-2], data[:-2] + b"\xff\xff\xff"):
        assert decode(cut, probe(cut)).image.tobytes() == whole
    for lost in range(3, 30):
        try:
            seen = decode(data[:-lost], probe(data[:-lost])).image.tobytes()
        except CorruptImageError:
            continue
        assert seen == whole, f"{lost} bytes fewer"
    with pytest.raises(CorruptImageError):
        run(data[: -len(data) // 4])


def test_a_progressive_jpeg_that_ends_between_two_scans_is_damaged() -> None:
    data = saved(PHOTO, "JPEG", progressive=True)
    with pytest.raises(CorruptImageError):
        run(data[: data.rindex(b"\xff\xc4")])  # the tables of the last scan, and all behind


@pytest.mark.parametrize("lost", [0, 2])
def test_a_jpeg_without_its_end_is_read_at_any_scale(lost: int) -> None:
    data = saved(noise(400, 300), "JPEG")
    assert result(data[: len(data) - lost], max_width=50).size == (50, 38)


def test_what_comes_of_a_jpeg_without_its_end_has_one() -> None:
    data = saved(PHOTO, "JPEG", quality=30)[:-2]
    assert run(data, ImageType.JPG, quality=95).data.endswith(b"\xff\xd9")
