"""Better scans: the same pixels in fewer bytes, and a worker that survives mozjpeg's exit."""

import pytest

from shared.imagetype import ImageType
from tests.workers.imaging.making import opened, saved
from tests.workers.imaging.planting import FILES, opened_all, segment, soft
from workers.imaging.encoding import jpeg_scans
from workers.imaging.encoding.jpeg_scans import with_better_scans
from workers.imaging.strip import strip

JPEGS = [pytest.param(data, id=name) for name, (kind, data) in FILES.items() if kind == "JPEG"]


def out_of_range() -> bytes:
    """One grey block whose DC takes 12 bits, where 8-bit samples end at 11; decoders clip it."""
    tables = segment(0xDB, b"\0" + b"\1" * 64)
    tables += segment(0xC4, b"\x00\1" + bytes(15) + b"\x0c")  # DC: the code 0 is "12 bits follow"
    tables += segment(0xC4, b"\x10\1" + bytes(15) + b"\0")  # AC: the code 0 is "no more"
    frame = segment(0xC0, b"\x08\0\x08\0\x08\1\1\x11\0")
    bits = b"\x7f\xfb"  # 0, twelve ones, 0, and two ones to the end
    return b"\xff\xd8" + tables + frame + segment(0xDA, b"\1\1\0\0\x3f\0") + bits + b"\xff\xd9"


@pytest.mark.parametrize("data", JPEGS)
def test_no_pixel_changes(data: bytes) -> None:
    clean = strip(data, ImageType.JPG)
    assert clean is not None
    better = with_better_scans(clean)
    assert better is not None
    assert opened_all(better) == opened_all(clean)


def test_a_baseline_jpeg_gets_smaller() -> None:
    data = saved(soft(400, 300), "JPEG")
    assert len(with_better_scans(data) or data) < len(data)


def test_a_coefficient_out_of_range_ends_only_the_child_process() -> None:
    assert opened(out_of_range()).size == (8, 8)
    assert with_better_scans(out_of_range()) is None


def test_other_data_than_a_jpeg_returns_none() -> None:
    assert with_better_scans(b"just text") is None


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_scans, "_TIMEOUT_SECONDS", 0.001)
    assert with_better_scans(saved(soft(), "JPEG")) is None
