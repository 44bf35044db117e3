"""Animations end to end: frames, durations, plays, size, watermark, colour."""

import struct

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import ImageType
from shared.models import Watermark
from tests.workers.imaging.making import (
    ADOBE_RGB,
    STORED,
    corners,
    matrix_profile,
    noise,
    opened,
    pixel,
    pixels,
    quarters,
    run,
    saved,
    to_srgb,
    with_exif,
)
from tests.workers.imaging.moving import COLOURS, KINDS, MOVING, flat, frames, moving

TIMES = [30, 250, 1000, 70]


def times(data: bytes) -> list[int]:
    return [frame.info["duration"] for frame in frames(data)]


def plays(data: bytes) -> int:
    """The number of plays in a WebP or AVIF file; 0 is endless.

    For AVIF by ISO/IEC 14496-12, 8.6.6: the track's duration divided by that of the repeated edit.
    """
    if data[:4] == b"RIFF":
        return int(opened(data).info["loop"])
    whole = struct.unpack_from(">Q", data, data.index(b"mvhd") + 28)[0]
    found = set()
    track = data.find(b"tkhd")
    while track > 0:
        edit = data.index(b"elst", track)
        assert data[edit + 7] == 1  # the flag: repeats
        lasts, shown = struct.unpack_from(">Q", data, track + 32) + struct.unpack_from(
            ">Q", data, edit + 12
        )
        assert lasts == whole
        found.add(0 if lasts == 2**64 - 1 else lasts // shown)
        track = data.find(b"tkhd", edit)
    (count,) = found
    return int(count)


@pytest.mark.parametrize("to", MOVING)
@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_kept_in_order(kind: str, to: ImageType) -> None:
    shown = list(frames(run(moving(kind, flat()), to).data))
    assert len(shown) == 4
    for frame, colour in zip(shown, COLOURS, strict=True):
        assert np.abs(pixels(frame.convert("RGB")) - colour).max() <= 8


@pytest.mark.parametrize("to", MOVING)
@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_keeps_its_duration_but_of_at_most_10_ms(kind: str, to: ImageType) -> None:
    assert times(run(moving(kind, flat(), duration=TIMES), to).data) == TIMES
    data = moving(kind, flat(), duration=[0, 10, 20, 50])  # browsers show those for 100
    assert times(run(data, to).data) == [100, 100, 20, 50]


@pytest.mark.parametrize("to", MOVING)
def test_the_plays_of_a_webp_are_kept(to: ImageType) -> None:
    for count in (0, 1, 2, 9, 65535):
        assert plays(run(moving("WEBP", flat(), loop=count), to).data) == count


def test_the_plays_of_a_gif_are_kept_in_avif() -> None:
    for loop, count in ((0, 0), (3, 4)):
        assert plays(run(moving("GIF", flat(), loop=loop), ImageType.AVIF).data) == count


def test_the_plays_are_in_the_alpha_track_of_avif_too() -> None:
    see_through = [frame.copy() for frame in flat()]
    for frame in see_through:
        frame.putalpha(90)
    data = run(moving("WEBP", see_through, loop=3), ImageType.AVIF).data
    assert data.count(b"tkhd") == 2
    assert plays(data) == 3


@pytest.mark.parametrize("to", MOVING)
def test_every_frame_is_resized_into_the_box(to: ImageType) -> None:
    output = run(moving("GIF", flat((96, 64))), to, max_width=30)
    assert (output.width, output.height) == (30, 20)
    assert {frame.size for frame in frames(output.data)} == {(30, 20)}


@pytest.mark.parametrize("to", MOVING)
def test_the_watermark_is_on_every_frame(to: ImageType) -> None:
    mark = saved(Image.new("RGB", (9, 9), "white"), "PNG")
    how = Watermark(scale_percent=50, opacity_percent=100)
    output = run(moving("GIF", flat((96, 64))), to, mark, watermark=how)
    assert output.watermarked
    shown = [pixel(frame.convert("RGB"), (80, 50)) for frame in frames(output.data)]
    assert len(shown) == 4
    assert min(min(value) for value in shown) > 230


@pytest.mark.parametrize("to", [ImageType.JPG, ImageType.PNG])
def test_jpg_and_png_are_the_first_frame_with_a_warning(to: ImageType) -> None:
    output = run(moving("GIF", flat()), to)
    notice = ("animation_flattened", "Only the first of the 4 frames was used")
    assert output.warnings == (notice,)
    assert np.abs(pixels(opened(output.data).convert("RGB")) - COLOURS[0]).max() <= 8


@pytest.mark.parametrize("to", MOVING)
def test_an_animation_that_stays_one_has_no_warning_of_lost_frames(to: ImageType) -> None:
    codes = [code for code, _ in run(moving("GIF", flat()), to).warnings]
    assert "animation_flattened" not in codes


@pytest.mark.parametrize("kind", ["PNG", "AVIF", "TIFF"])
def test_other_animations_become_their_first_frame(kind: str) -> None:
    data = saved(flat()[0], kind, save_all=True, append_images=flat()[1:])
    assert getattr(opened(run(data, ImageType.WEBP).data), "n_frames", 1) == 1


@pytest.mark.parametrize("to", MOVING)
def test_frames_become_upright(to: ImageType) -> None:
    stored = [quarters().transpose(STORED[6]), quarters().transpose(STORED[6])]
    stored[1].paste("black", (0, 0, 4, 4))
    shown = list(frames(run(moving("WEBP", stored, exif=with_exif(6)), to).data))
    assert [frame.size for frame in shown] == [quarters().size] * 2
    assert [corners(frame) for frame in shown] == [corners(quarters())] * 2


@pytest.mark.parametrize("to", MOVING)
def test_every_frame_is_converted_to_srgb(to: ImageType) -> None:
    profile = matrix_profile(ADOBE_RGB, 2.2)
    shown = list(frames(run(moving("WEBP", flat(), icc_profile=profile), to).data))
    for frame, colour in zip(shown, COLOURS, strict=True):
        wanted = to_srgb(colour, ADOBE_RGB, 2.2)
        assert np.abs(pixels(frame.convert("RGB")) - wanted).max() <= 8


@pytest.mark.parametrize("to", MOVING)
def test_no_metadata_is_in_the_file(to: ImageType) -> None:
    profile = matrix_profile(ADOBE_RGB, 2.2)
    xmp = b"<x:xmpmeta>SECRETXMP</x:xmpmeta>"
    data = moving("WEBP", flat(), icc_profile=profile, exif=with_exif(gps=True), xmp=xmp)
    out = run(data, to).data
    assert not {"exif", "icc_profile", "xmp"} & set(opened(out).info)
    for name in (b"SECRET", b"EXIF", b"Exif", b"XMP ", b"ICCP", b"prof"):
        assert name not in out


def test_an_avif_has_no_creation_time() -> None:
    out = run(moving("GIF", flat()), ImageType.AVIF).data
    for name in (b"mvhd", b"tkhd", b"mdhd"):
        at = out.index(name) + 8
        assert out[at : at + 16] == bytes(16)


def test_frames_of_few_colours_are_lossless() -> None:
    output = run(moving("GIF", flat()), ImageType.WEBP)
    assert output.encoding == "lossless"
    for frame, colour in zip(frames(output.data), COLOURS, strict=True):
        assert (pixels(frame.convert("RGB")) == colour).all()


def test_one_lossy_frame_makes_the_animation_reencoded() -> None:
    output = run(moving("WEBP", [*flat((96, 64)), noise()]), ImageType.WEBP)
    assert output.encoding == "reencoded"


@pytest.mark.parametrize("to", MOVING)
def test_a_slow_change_beside_a_fast_one_is_not_lost(to: ImageType) -> None:
    steps = [Image.new("RGB", (64, 64), (60 + step,) * 3) for step in range(50)]
    for step, frame in enumerate(steps):
        frame.paste((step * 90 % 256, 0, 0), (0, 0, 16, 16))
    *_, last = frames(run(moving("WEBP", steps), to).data)
    assert abs(pixel(last.convert("RGB"), (50, 50))[1] - 109) <= 4
