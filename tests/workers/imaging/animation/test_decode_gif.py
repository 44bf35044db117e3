"""A GIF's frames as a viewer sees them: disposal, transparency, edges, durations and plays."""

import struct
from typing import NamedTuple

import pytest
from PIL import GifImagePlugin, Image

from shared.imagetype import ImageType
from tests.workers.imaging.making import opened, pixel, run, saved

NOTHING = (0, 0, 0, 0)
RED, LIME, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
TABLE = bytes((255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3))  # the last is the transparent one
CLEAR_INDEX = 3

# The pixels that the tests below compare: an untouched one, and one in each frame's own part.
POINTS = ((0, 0), (5, 1), (9, 1), (13, 1))


class Block(NamedTuple):
    """One image block: a box of one colour of TABLE. clear: transparent pixels at its left."""

    box: tuple[int, int, int, int]
    colour: int
    disposal: int = 0
    clear: int = 0
    transparent: bool = False
    delay: int = 5  # hundredths of a second
    controlled: bool = True


def gif(*blocks: Block, size: tuple[int, int] = (16, 4), extension: bytes = b"") -> bytes:
    """A GIF block by block; Pillow writes each frame's own pixels."""
    out = b"GIF89a" + struct.pack("<HHBBB", *size, 0x81, 0, 0) + TABLE + extension
    for block in blocks:
        left, top, right, bottom = block.box
        image = Image.new("P", (right - left, bottom - top), block.colour)
        image.paste(CLEAR_INDEX, (0, 0, block.clear, bottom - top))
        image.putpalette(TABLE)
        flags = block.disposal << 2 | (block.transparent or block.clear > 0)
        if block.controlled:
            out += b"!\xf9\x04" + struct.pack("<BHBB", flags, block.delay, CLEAR_INDEX, 0)
        out += b"".join(GifImagePlugin.getdata(image, (left, top), optimize=False))
    return out + b";"


def looping(repeats: int) -> bytes:
    return b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", repeats) + b"\0"


def frames(data: bytes) -> list[Image.Image]:
    """The frames of what a GIF becomes in lossless WebP, as RGBA."""
    output = run(data, ImageType.WEBP)
    assert output.encoding == "lossless"
    image = opened(output.data)
    seen = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        seen.append(image.convert("RGBA"))
    return seen


def seen(image: Image.Image) -> list[tuple[int, ...]]:
    values = [pixel(image, point) for point in POINTS]
    return [value if value[3] else NOTHING for value in values]


WHOLE = Block((0, 0, 16, 4), 0)
LIME_AT_4, BLUE_AT_8 = Block((4, 0, 8, 4), 1), Block((8, 0, 12, 4), 2)


@pytest.mark.parametrize("disposal", [0, 1])
def test_a_frame_that_stays_is_below_the_next(disposal: int) -> None:
    last = frames(gif(WHOLE, LIME_AT_4._replace(disposal=disposal), BLUE_AT_8))[2]
    assert seen(last) == [RED, LIME, BLUE, RED]


def test_after_disposal_2_only_the_frames_box_is_transparent() -> None:
    last = frames(gif(WHOLE, LIME_AT_4._replace(disposal=2), BLUE_AT_8))[2]
    assert seen(last) == [RED, NOTHING, BLUE, RED]


@pytest.mark.parametrize("disposal", [3, 4])
def test_after_disposal_3_or_4_the_canvas_before_is_restored(disposal: int) -> None:
    last = frames(gif(WHOLE, LIME_AT_4._replace(disposal=disposal), BLUE_AT_8))[2]
    assert seen(last) == [RED, RED, BLUE, RED]


def test_disposal_3_of_the_first_frame_leaves_a_transparent_canvas() -> None:
    last = frames(gif(WHOLE._replace(disposal=3), BLUE_AT_8))[1]
    assert seen(last) == [NOTHING, NOTHING, BLUE, NOTHING]


def test_a_frame_without_a_disposal_does_not_inherit_one() -> None:
    shown = frames(gif(WHOLE, LIME_AT_4._replace(disposal=3), BLUE_AT_8, Block((0, 0, 2, 4), 2)))
    assert seen(shown[3]) == [BLUE, RED, BLUE, RED]


def test_a_control_block_is_for_one_frame_only() -> None:
    bare = BLUE_AT_8._replace(controlled=False)
    shown = frames(gif(WHOLE, LIME_AT_4._replace(disposal=2), bare, Block((0, 0, 2, 4), 2)))
    assert seen(shown[3]) == [BLUE, NOTHING, BLUE, RED]


@pytest.mark.parametrize("at", [4, 5])
def test_a_change_at_an_odd_pixel_keeps_its_position(at: int) -> None:
    box = (at, 1, at + 3, 3)
    data = gif(WHOLE, Block(box, 1), Block((0, 0, 1, 1), 1))
    expected = Image.new("RGBA", (16, 4), RED)
    expected.paste(LIME, box)
    assert frames(data)[1].tobytes() == expected.tobytes()


def test_transparent_pixels_show_the_frame_below() -> None:
    over = Block((4, 0, 12, 4), 2, clear=4)
    assert seen(frames(gif(WHOLE, LIME_AT_4, over))[2]) == [RED, LIME, BLUE, RED]


def test_transparent_pixels_of_a_frame_do_not_survive_its_disposal() -> None:
    over = Block((4, 0, 12, 4), 2, clear=4, disposal=2)
    last = frames(gif(WHOLE, over, Block((12, 0, 16, 4), 1)))[2]
    assert seen(last) == [RED, NOTHING, NOTHING, LIME]


def test_around_a_small_first_frame_the_canvas_is_transparent() -> None:
    first = frames(gif(LIME_AT_4, BLUE_AT_8))[0]
    assert seen(first) == [NOTHING, LIME, NOTHING, NOTHING]


@pytest.mark.parametrize("blocks", [(LIME_AT_4,), (LIME_AT_4, BLUE_AT_8)])
def test_a_still_with_a_small_first_frame_is_on_a_transparent_canvas_too(
    blocks: tuple[Block, ...],
) -> None:
    image = opened(run(gif(*blocks), ImageType.PNG).data).convert("RGBA")
    assert (image.size, seen(image)) == ((16, 4), [NOTHING, LIME, NOTHING, NOTHING])


def test_transparent_pixels_of_a_small_first_frame_stay_transparent() -> None:
    image = opened(run(gif(Block((4, 0, 12, 4), 2, clear=4)), ImageType.PNG).data).convert("RGBA")
    assert seen(image) == [NOTHING, NOTHING, BLUE, NOTHING]


def test_a_hole_that_is_covered_before_it_is_shown_needs_no_alpha() -> None:
    whole = WHOLE._replace(disposal=2, transparent=True)
    data = gif(whole, whole._replace(colour=1), whole._replace(colour=2))
    assert opened(run(data, ImageType.AVIF).data).mode == "RGB"


def test_a_hole_that_is_shown_is_kept_in_avif() -> None:
    image = opened(run(gif(WHOLE._replace(disposal=2), LIME_AT_4), ImageType.AVIF).data)
    image.seek(1)
    assert [value[3] > 127 for value in seen(image.convert("RGBA"))] == [False, True, False, False]


def test_a_larger_first_frame_enlarges_the_canvas() -> None:
    assert [frame.size for frame in frames(gif(WHOLE, LIME_AT_4, size=(3, 2)))] == [(16, 4)] * 2


def test_a_later_frame_is_cropped_to_the_canvas() -> None:
    outside = Block((12, 2, 30, 9), 2, disposal=2)
    shown = frames(gif(WHOLE, outside, LIME_AT_4))
    assert [frame.size for frame in shown] == [(16, 4)] * 3
    assert [pixel(frame, (15, 3)) for frame in shown] == [RED, BLUE, NOTHING]


def test_a_frame_outside_of_the_canvas_changes_nothing() -> None:
    shown = frames(gif(WHOLE, Block((20, 9, 30, 12), 2, disposal=3), LIME_AT_4))
    assert seen(shown[-1]) == [RED, LIME, RED, RED]


def test_an_interlaced_frame_keeps_its_rows() -> None:
    rows = Image.new("P", (24, 20))
    rows.paste(1, (0, 7, 24, 10))
    rows.putpalette(TABLE)
    interlaced = saved(rows, "GIF", interlace=1, optimize=False)
    assert interlaced != saved(rows, "GIF", interlace=0, optimize=False)
    more = b"".join(GifImagePlugin.getdata(Image.new("P", (2, 2)), optimize=False))
    first = frames(interlaced[:-1] + more + b";")[0]
    assert first.tobytes() == rows.convert("RGBA").tobytes()


@pytest.mark.parametrize(
    ("extension", "plays"),
    [(b"", 1), (looping(0), 0), (looping(1), 2), (looping(7), 8), (looping(65535), 65535)],
)
def test_the_repeats_of_a_gif_become_the_plays_of_a_webp(extension: bytes, plays: int) -> None:
    data = run(gif(WHOLE, LIME_AT_4, extension=extension), ImageType.WEBP).data
    assert opened(data).info["loop"] == plays


def test_equal_frames_become_one_webp_frame_with_their_total_duration() -> None:
    data = run(gif(WHOLE, WHOLE, LIME_AT_4, LIME_AT_4, LIME_AT_4), ImageType.WEBP).data
    image = opened(data)
    shown = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        shown.append(image.info["duration"])
    assert shown == [100, 150]


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.AVIF])
def test_frames_that_are_all_equal_become_a_valid_file(to: ImageType) -> None:
    assert seen(opened(run(gif(WHOLE, WHOLE, WHOLE), to).data).convert("RGBA"))[0][0] > 240
