"""Images that would take too long are encoded faster, or given up; the limits are lowered here."""

from importlib import import_module

import pytest

from shared.errors import TooMuchWorkError, WarningCode
from shared.imagetype import ImageType
from shared.models import Effort, Options
from tests.workers.imaging.making import noise, saved
from workers.imaging import ImageJob, Output, process
from workers.imaging.encoding import avif, jpeg
from workers.imaging.formats.probe import probe

animate = import_module("workers.imaging.animation.animate")  # its package has a function so named


def processed(data: bytes, to: ImageType, *, faster: bool = False) -> Output:
    effort = Effort.FAST if faster else Effort.BALANCED
    return process(ImageJob(data, probe(data), Options(to), effort=effort, faster=faster))


def codes(output: Output) -> list[WarningCode]:
    return [code for code, _ in output.warnings]


def animation() -> bytes:
    frames = [noise().rotate(turn) for turn in (0, 90, 180)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def test_an_avif_that_takes_too_long_in_parts_is_encoded_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = saved(noise(), "PNG")
    slow = processed(data, ImageType.AVIF)
    monkeypatch.setattr(avif, "TRIED_SECONDS", 0.0)
    quick = processed(data, ImageType.AVIF)
    assert WarningCode.FASTER_ENCODING not in codes(slow)
    assert WarningCode.FASTER_ENCODING in codes(quick)
    assert quick.data == processed(data, ImageType.AVIF, faster=True).data != slow.data


def test_less_effort_by_plan_is_told() -> None:
    data = saved(noise(), "PNG")
    assert WarningCode.FASTER_ENCODING in codes(processed(data, ImageType.WEBP, faster=True))
    assert WarningCode.FASTER_ENCODING not in codes(processed(data, ImageType.WEBP))


def test_the_scans_of_a_large_jpeg_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(noise(), "PNG")
    searched = processed(data, ImageType.JPG).data
    monkeypatch.setattr(jpeg, "SEARCH_MAX_BYTES", 1000)
    assert len(processed(data, ImageType.JPG).data) > len(searched)


def test_an_animation_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animate, "MAX_SECONDS", 0.0)
    with pytest.raises(TooMuchWorkError, match="maxWidth"):
        processed(animation(), ImageType.AVIF)


def test_the_rest_of_a_slow_animation_is_encoded_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animate, "_HURRY_SECONDS", 0.0)
    output = processed(animation(), ImageType.WEBP)
    assert WarningCode.FASTER_ENCODING in codes(output)
    assert probe(output.data).frames == 3
