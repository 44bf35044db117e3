"""Which picture of a TIFF is shown, and what is refused with which sentence."""

import struct

import numpy as np
import pytest

from shared.errors import TooManyPixelsError, UnsupportedImageError
from tests.support.tiffs import LONG, RGB, SHORT, Page, Tag, tiff
from tests.workers.imaging.making import run
from workers.imaging.formats.probe import check_limits, probe

PREVIEW: dict[int, Tag | None] = {254: (LONG, [1])}
MASK: dict[int, Tag | None] = {254: (LONG, [4])}


def page(width: int, more: dict[int, Tag | None] | None = None) -> Page:
    return Page(np.zeros((9, width, 3), "u1"), RGB, more=more or {})


def size(data: bytes) -> tuple[int, int, int]:
    found = probe(data)
    return found.width, found.height, found.frames


def below(first: Page, second: Page) -> bytes:
    """A file whose second page is only named by the first one, as a directory below it."""
    data = tiff(Page(first.samples, more={**first.more, 330: (LONG, [0])}), second)
    start = struct.unpack_from("<I", data, 4)[0]
    behind = start + 2 + 12 * struct.unpack_from("<H", data, start)[0]
    second_at = data[behind : behind + 4]
    at = data.index(struct.pack("<HHI", 330, LONG, 1), start) + 8
    return data[:at] + second_at + data[at + 4 : behind] + bytes(4) + data[behind + 4 :]


@pytest.mark.parametrize("mark", [PREVIEW, {255: (SHORT, [2])}, MASK])
def test_a_preview_or_mask_before_the_picture_is_passed_over(
    mark: dict[int, Tag | None],
) -> None:
    assert size(tiff(page(5, mark), page(40)))[:2] == (40, 9)


def test_the_picture_may_be_in_a_directory_below_its_preview() -> None:
    assert size(below(page(5, PREVIEW), page(40))) == (40, 9, 1)


def test_previews_of_a_picture_are_no_frames_of_it() -> None:
    output = run(tiff(page(40), page(20, PREVIEW), page(10, PREVIEW)))
    assert (output.width, output.warnings) == (40, ())


def test_of_several_pictures_the_first_is_shown() -> None:
    assert size(tiff(page(5), page(40), page(20))) == (5, 9, 3)


def test_a_file_of_previews_alone_shows_the_first() -> None:
    assert size(tiff(page(5, PREVIEW), page(40, PREVIEW))) == (5, 9, 1)


CFA: dict[int, Tag | None] = {262: (SHORT, [32803])}


@pytest.mark.parametrize(
    "data",
    [
        tiff(page(40, {50706: (1, [1, 4, 0, 0])})),
        tiff(page(40, CFA)),
        tiff(page(40), page(40, CFA)),
        below(page(5, PREVIEW), page(40, CFA)),
        below(page(5, PREVIEW), page(40, {262: (SHORT, [34892])})),
        below(page(5, PREVIEW), page(40, {259: (SHORT, [34713])})),
        tiff(page(40))[:8] + b"CR\x02\0" + tiff(page(40))[12:],
    ],
    ids=["DNG", "sensor", "second page", "below", "linear DNG", "NEF", "CR2"],
)
def test_a_camera_raw_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(UnsupportedImageError, match="camera raw"):
        probe(data)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({258: (SHORT, [24] * 3)}, "samples of 24 bits"),
        ({258: (SHORT, [5, 6, 5])}, "samples of different kinds"),
        ({262: (SHORT, [32845])}, "LogLuv"),
        ({262: (SHORT, [4])}, "mask"),
        ({259: (SHORT, [34712])}, "compression"),
    ],
)
def test_what_is_not_read_is_named(more: dict[int, Tag | None], sentence: str) -> None:
    with pytest.raises(UnsupportedImageError, match=sentence):
        probe(tiff(page(40, more)))


def test_more_bytes_per_pixel_allow_fewer_pixels() -> None:
    doubles = probe(tiff(Page(np.zeros((100, 100, 3), "f8"), RGB)))
    check_limits(doubles, 20_000, 1)
    with pytest.raises(TooManyPixelsError, match="so many bits"):
        check_limits(doubles, 11_000, 1)
    check_limits(probe(tiff(Page(np.zeros((100, 100, 3), "u2"), RGB))), 10_000, 1)
