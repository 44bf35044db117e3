"""WebP: stills by libwebp's decoder come out as Pillow's own plugin shows them, in less memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.paths import SAMPLES
from tests.workers.imaging.making import (
    DISPLAY_P3,
    matrix_profile,
    noise,
    opened,
    pixels,
    riff,
    saved,
    with_exif,
)
from tests.workers.imaging.moving import flat, moving
from workers.imaging.decoding.webp import open_webp
from workers.imaging.formats.riff import whole_chunks

PHOTO = Image.open(SAMPLES / "rocket.jpg").convert("RGB")
THROUGH = PHOTO.copy()
THROUGH.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
MANY = 1_000_000

STILLS = {
    "lossy": saved(PHOTO, "WEBP"),
    "lossless": saved(PHOTO, "WEBP", lossless=True),
    "lossy with alpha": saved(THROUGH, "WEBP"),
    "lossless with alpha": saved(THROUGH, "WEBP", lossless=True, exact=True),
    "with alpha of few values": saved(THROUGH, "WEBP", alpha_quality=20),
    "one pixel": saved(Image.new("RGBA", (1, 1), (9, 8, 7, 6)), "WEBP", lossless=True),
    "one column": saved(Image.new("RGB", (1, 16_383), "teal"), "WEBP"),
    "one row": saved(Image.new("RGB", (16_383, 1), "teal"), "WEBP", lossless=True),
}


def named(data: bytes) -> dict[bytes, bytes]:
    return dict(whole_chunks(data))


@pytest.mark.parametrize("name", STILLS)
def test_a_still_has_the_pixels_that_pillow_shows(name: str) -> None:
    ours, theirs = open_webp(STILLS[name], MANY), opened(STILLS[name])
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    assert (pixels(ours) == pixels(theirs)).all()


def test_profile_exif_and_xmp_are_read() -> None:
    stored = {
        "icc_profile": matrix_profile(DISPLAY_P3, 2.2),
        "exif": with_exif(6).removeprefix(b"Exif\0\0"),
        "xmp": b"<x:xmpmeta/>",
    }
    info = open_webp(saved(PHOTO, "WEBP", **stored), MANY).info
    assert {name: info[name] for name in stored} == stored


def test_alpha_that_the_header_does_not_announce_is_left_out() -> None:
    parts = named(STILLS["lossy with alpha"])
    header = b"\0" + parts[b"VP8X"][1:]
    data = riff((b"VP8X", header), (b"ALPH", parts[b"ALPH"]), (b"VP8 ", parts[b"VP8 "]))
    assert open_webp(data, MANY).getchannel("A").getextrema() == (255, 255)


def test_a_bitstream_that_goes_on_behind_its_chunk_is_damaged() -> None:
    parts = named(saved(noise(), "WEBP", lossless=True, xmp=bytes(100)))
    cut = parts[b"VP8L"][:-10]
    data = riff((b"VP8X", parts[b"VP8X"]), (b"VP8L", cut), (b"XMP ", parts[b"XMP "]))
    with pytest.raises(ValueError, match="not a complete WebP"):
        open_webp(data, MANY)


def test_a_single_frame_stands_where_the_canvas_has_it() -> None:
    parts = named(STILLS["lossy"])
    width, height = PHOTO.size
    u24 = [number.to_bytes(3, "little") for number in (5, 10, width - 1, height - 1, 40)]
    frame = b"".join(u24) + b"\x02VP8 " + len(parts[b"VP8 "]).to_bytes(4, "little")
    canvas = bytes((0x12, 0, 0, 0)) + (width + 9).to_bytes(3, "little")
    canvas += (height + 19).to_bytes(3, "little")
    data = riff((b"VP8X", canvas), (b"ANIM", bytes(6)), (b"ANMF", frame + parts[b"VP8 "]))
    image = open_webp(data, MANY)
    assert image.convert("RGBA").getchannel("A").getbbox() == (10, 20, width + 10, height + 20)


def test_an_animation_is_left_to_pillow() -> None:
    assert open_webp(moving("WEBP", flat()), MANY).n_frames == len(flat())  # type: ignore[attr-defined] # WebP's


def test_a_still_larger_than_its_header_said_is_refused() -> None:
    with pytest.raises(ValueError, match="more than the header said"):
        open_webp(STILLS["lossy"], PHOTO.width * PHOTO.height - 1)


# Prints how many bytes per pixel were mapped at the peak, whether they were written or not.
GROWTH = """
import sys
from pathlib import Path
from infra.benchmarks.measuring import resident
from workers.imaging.decoding.webp import open_webp

data = Path(sys.argv[1]).read_bytes()
before = resident("VmSize")
image = open_webp(data, 10**9)
print((resident("VmPeak") - before) / (image.width * image.height))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(
    "options",
    [{"quality": 80, "method": 0}, {"lossless": True, "quality": 0, "method": 0}],
    ids=["lossy", "lossless"],
)
@pytest.mark.parametrize("alpha", [False, True])
def test_decoding_takes_half_of_what_it_takes_pillow(
    options: dict[str, int], alpha: bool, tmp_path: Path
) -> None:
    ramp = np.add.outer(np.arange(3000), np.arange(3000)).astype(np.uint8)
    image = Image.fromarray(ramp).convert("RGB")
    if alpha:
        image.putalpha(Image.fromarray(ramp))
    path = tmp_path / "large.webp"
    path.write_bytes(saved(image, "WEBP", **options))
    command = (sys.executable, "-c", GROWTH, str(path))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 8.5
