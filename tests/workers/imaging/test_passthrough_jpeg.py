"""Passthrough for JPEG, with better scans if these make it smaller."""

import resource

import pytest
from PIL import Image

from shared.imagetype import ImageType
from shared.models import Encoding
from tests.workers.imaging.making import opened, run, saved
from tests.workers.imaging.planting import opened_all, soft
from workers.imaging import passthrough

LARGE = saved(soft(800, 600), "JPEG", quality=30)  # large enough to search better scans


def test_a_jpeg_that_passes_through_gets_better_scans() -> None:
    output = run(LARGE, ImageType.JPG, quality=100)
    assert output.encoding is Encoding.ORIGINAL
    assert len(output.data) < len(LARGE)
    assert opened_all(output.data) == opened_all(LARGE)


def test_the_cpu_seconds_include_the_process_that_searches_scans() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    output = run(LARGE, ImageType.JPG, quality=100)
    assert output.cpu_seconds > resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before > 0


def test_a_jpeg_that_mozjpeg_fails_at_passes_through_unchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passthrough, "with_better_scans", lambda _: None)
    assert run(LARGE, ImageType.JPG, quality=100).data == LARGE


def test_better_scans_with_other_pixels_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = saved(opened(LARGE).transpose(Image.Transpose.ROTATE_180), "JPEG", quality=5)
    monkeypatch.setattr(passthrough, "with_better_scans", lambda _: wrong)
    assert run(LARGE, ImageType.JPG, quality=100).data == LARGE


def test_better_scans_are_not_searched_if_they_cannot_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unwanted(_: bytes) -> bytes:
        raise AssertionError("a process was started")

    monkeypatch.setattr(passthrough, "with_better_scans", unwanted)
    run(saved(soft(600, 400), "JPEG", quality=95), ImageType.JPG, quality=40)
    run(saved(soft(), "JPEG", quality=30), ImageType.JPG, quality=100)
