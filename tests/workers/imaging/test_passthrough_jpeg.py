"""A JPEG that goes out as it came, in better scans where these can win."""

import resource

import pytest
from PIL import Image

from shared.imagetype import ImageType
from shared.models import Encoding
from tests.workers.imaging.making import opened, run, saved
from tests.workers.imaging.planting import opened_all, soft
from workers.imaging import passthrough

LARGE = saved(soft(800, 600), "JPEG", quality=30)  # so large that better scans are looked for


def test_a_jpeg_that_stays_gets_better_scans() -> None:
    output = run(LARGE, ImageType.JPG, quality=100)
    assert output.encoding is Encoding.ORIGINAL
    assert len(output.data) < len(LARGE)
    assert opened_all(output.data) == opened_all(LARGE)


def test_the_process_that_looks_for_scans_is_in_the_cpu_seconds() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    output = run(LARGE, ImageType.JPG, quality=100)
    assert output.cpu_seconds > resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before > 0


def test_a_jpeg_that_mozjpeg_gives_up_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passthrough, "with_better_scans", lambda _: None)
    assert run(LARGE, ImageType.JPG, quality=100).data == LARGE


def test_a_jpeg_that_came_out_with_other_pixels_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = saved(opened(LARGE).transpose(Image.Transpose.ROTATE_180), "JPEG", quality=5)
    monkeypatch.setattr(passthrough, "with_better_scans", lambda _: wrong)
    assert run(LARGE, ImageType.JPG, quality=100).data == LARGE


def test_better_scans_are_not_looked_for_where_they_cannot_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unwanted(_: bytes) -> bytes:
        raise AssertionError("a process was started")

    monkeypatch.setattr(passthrough, "with_better_scans", unwanted)
    run(saved(soft(600, 400), "JPEG", quality=95), ImageType.JPG, quality=40)
    run(saved(soft(), "JPEG", quality=30), ImageType.JPG, quality=100)
