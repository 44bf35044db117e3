"""JPEGs made to cost: scans without end, headers without end, fill bytes without end."""

import struct

import pytest

from shared.imagetype import ImageType
from tests.hostile import jpegs
from tests.hostile.clean import REFUSALS, assert_outcomes, end
from tests.workers.imaging.making import noise, saved
from tests.workers.imaging.planting import segment

BARE = saved(noise(), "JPEG")
FRAME = BARE.index(b"\xff\xc0")
BEFORE_SCAN = BARE.index(b"\xff\xda")
MANY = 20_000_000  # bytes, the most that an upload may have


def planted(more: bytes, at: int = BEFORE_SCAN) -> bytes:
    return BARE[:at] + more + BARE[at:]


def filling(piece: bytes) -> bytes:
    return piece * (MANY // len(piece))


@pytest.mark.parametrize(
    "data",
    [jpegs.progressive(2048, 6_000), jpegs.progressive(8, 9_000), jpegs.sequential(128, 9_000)],
    ids=["large", "tiny", "sequential"],
)
def test_a_small_file_of_thousands_of_scans_is_refused(data: bytes) -> None:
    assert end(data).outcome == "corrupt_image"


@pytest.mark.parametrize("side", [8, 4096])
def test_as_many_scans_as_encoders_write_are_decoded(side: int) -> None:
    assert end(jpegs.progressive(side, 24), max_width=64).outcome == "ok"


def test_scans_are_bounded_by_pixels_and_not_by_number_alone() -> None:
    assert end(jpegs.progressive(64, 400)).outcome == "ok"


def test_scans_without_an_end_are_bounded_as_they_are_decoded_several_times() -> None:
    assert end(jpegs.progressive(1_000, 1_000), max_width=64).outcome == "ok"
    assert end(jpegs.progressive(1_000, 1_000)[:-2], max_width=64).outcome == "corrupt_image"
    assert end(jpegs.progressive(2_048, 24)[:-2], max_width=64).outcome == "ok"


HEADERS = {
    "comments": segment(0xFE, b""),
    "segments of an application": segment(0xE5, b""),
    "EXIF in a million pieces": segment(0xE1, b"Exif\0\0x"),
    "EXIF in a thousand pieces": segment(0xE1, b"Exif\0\0" + bytes(2_000)),
    "EXIF in large pieces": segment(0xE1, b"Exif\0\0" + bytes(65_000)),
    "resources of Photoshop": segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5_400),
    "further pictures": segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "profiles": segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(65_000)),
    "small profiles": segment(0xE2, b"ICC_PROFILE\0\1\1x"),
    "tables": segment(0xDB, (b"\0" + b"\1" * 64) * 1000),
    "small tables": segment(0xDB, b"\0" + b"\1" * 64),
    "restart intervals": segment(0xDD, b"\0\0"),
    "markers without a length": b"\xff\x01",
    "fill bytes": b"\xff",
    "zeros": b"\0",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_without_end_costs_little(name: str) -> None:
    assert end(planted(filling(HEADERS[name]))).outcome in {"ok", *REFUSALS}


# Those that the search for the frame header treats differently from other segments.
BEFORE_FRAME = (
    "comments",
    "EXIF in large pieces",
    "markers without a length",
    "fill bytes",
    "zeros",
)


@pytest.mark.parametrize(
    "name",
    [n if n in BEFORE_FRAME else pytest.param(n, marks=pytest.mark.full) for n in HEADERS],
)
def test_a_header_without_end_before_the_frame_costs_little(name: str) -> None:
    assert end(planted(filling(HEADERS[name]), 2)).outcome in {"ok", *REFUSALS}


@pytest.mark.parametrize("marker", [0xC8, 0xD8, 0xD9, 0xF0, 0xFD])
def test_segments_behind_a_marker_without_a_length_cost_little(marker: int) -> None:
    # Read as a length, the next marker would hide these from the cleaning, but not from Pillow.
    hidden = segment(0xE1, b"Exif\0\0xy") * (0xFFE1 // 12 + 1)
    assert end(planted(filling(bytes((0xFF, marker)) + hidden))).outcome == "corrupt_image"


def test_fill_bytes_in_a_scan_cost_little() -> None:
    for end_of_run in (b"\0", b"\xd0", b""):
        data = BARE[:-2] + b"\xff" * 400_000 + end_of_run + b"\xff\xd9"
        assert end(data, ImageType.JPG, quality=100, case=end_of_run).outcome in {"ok", *REFUSALS}


def test_fill_bytes_without_an_end_cost_little() -> None:
    assert end(BARE[:-2] + b"\xff" * (MANY // 2) + b"\0").outcome in {"ok", *REFUSALS}


def test_stuffed_bytes_without_end_cost_little() -> None:
    data = BARE[:-2] + b"\xff\0" * (MANY // 2) + b"\xff\xd9"
    assert end(data, ImageType.JPG, quality=100).outcome in {"ok", *REFUSALS}


def test_a_header_of_a_huge_picture_is_refused() -> None:
    huge = (
        (count, jpegs.SOI + jpegs.frame(0xC2, 65_500, 65_500, count) + BARE[BEFORE_SCAN:])
        for count in (1, 3, 4)  # components
    )
    assert_outcomes(huge, {"too_many_pixels"})


def test_a_second_frame_larger_than_the_first_is_refused() -> None:
    assert end(planted(jpegs.frame(0xC0, 60_000, 60_000, 3))).outcome == "corrupt_image"


def test_a_height_stated_behind_the_scan_is_refused_or_harmless() -> None:
    lines = segment(0xDC, struct.pack(">H", 60_000))
    at = FRAME + 5
    heights = (
        (height, BARE[:at] + struct.pack(">H", height) + BARE[at + 2 : -2] + lines + jpegs.EOI)
        for height in (0, 1)
    )
    assert_outcomes(heights, {"ok", "corrupt_image"})


def test_ten_thousand_thumbnails_within_each_other_are_one_picture() -> None:
    thumbnail = BARE
    for _ in range(20):
        thumbnail = thumbnail[:2] + segment(0xE1, b"Exif\0\0" + thumbnail[:60_000]) + thumbnail[2:]
    assert end(thumbnail[:MANY]).outcome == "ok"
