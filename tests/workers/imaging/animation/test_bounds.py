"""Animations that are damaged or too large, and the memory of one."""

import contextlib
import os
import struct
import subprocess
import sys

import pytest
from PIL import Image

from shared.errors import CorruptImageError, TooLargeForFormatError
from shared.imagetype import ImageType
from shared.models import Effort, Options
from tests.workers.imaging.making import opened, run
from tests.workers.imaging.moving import KINDS, MOVING, flat, grainy, moving
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe


@pytest.mark.parametrize("to", MOVING)
def test_a_side_too_long_for_the_format_is_an_error(to: ImageType) -> None:
    ends = {ImageType.WEBP: 16383, ImageType.AVIF: 32768}[to]
    long = flat((ends + 1, 1))
    with pytest.raises(TooLargeForFormatError):
        run(moving("GIF", long), to)


@pytest.mark.parametrize("to", MOVING)
@pytest.mark.parametrize("kind", KINDS)
def test_an_animation_cut_in_frame_7_of_20_is_corrupt(kind: str, to: ImageType) -> None:
    data = moving(kind, grainy(20))
    with pytest.raises(CorruptImageError):
        run(data[: len(data) * 65 // 200], to)


@pytest.mark.parametrize("to", MOVING)
def test_a_frame_whose_pixels_end_early_is_corrupt(to: ImageType) -> None:
    data = moving("GIF", flat())
    at = data.rindex(b"!\xf9")
    short = data[:at] + b"," + struct.pack("<HHHHB", 0, 0, 48, 32, 0) + b"\x08\x01\x00\x00;"
    with pytest.raises(CorruptImageError):
        run(short, to)


@pytest.mark.parametrize("kind", KINDS)
def test_overwritten_bytes_raise_only_corrupt_image_errors(kind: str) -> None:
    data = moving(kind, grainy(4))
    for start in range(20, len(data), len(data) // 60):
        broken = data[:start] + b"\xa5" * 9 + data[start + 9 :]
        with contextlib.suppress(CorruptImageError):
            run(broken, ImageType.WEBP, max_width=16)


@pytest.mark.parametrize("to", MOVING)
def test_the_same_animation_becomes_the_same_bytes(to: ImageType) -> None:
    for kind in KINDS:
        data = moving(kind, flat())
        assert run(data, to).data == run(data, to).data, kind


def test_an_animation_is_written_at_every_effort() -> None:
    data = moving("WEBP", grainy(3))
    for effort in Effort:
        output = process(ImageJob(data, probe(data), Options(ImageType.WEBP), effort=effort))
        assert opened(output.data).format == "WEBP", effort


PEAK = """
import sys
from shared.imagetype import ImageType
from shared.models import Options
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe
data = sys.stdin.buffer.read()
process(ImageJob(data, probe(data), Options(ImageType(sys.argv[1]))))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.full
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads Linux's /proc")
@pytest.mark.parametrize(("kind", "to"), [("GIF", ImageType.AVIF), ("WEBP", ImageType.WEBP)])
def test_memory_does_not_grow_with_the_number_of_frames(kind: str, to: ImageType) -> None:
    peaks = []
    for count in (4, 24):  # of 3.1 MB decoded, which would be 62 MB more
        drawn = [Image.new("RGB", (1024, 768), (step, 0, 0)) for step in range(count)]
        for step, frame in enumerate(drawn):
            frame.paste("white", (step * 9, 99, step * 9 + 40, 300))
        command = [sys.executable, "-c", PEAK, to.value]
        done = subprocess.run(command, input=moving(kind, drawn), capture_output=True, check=True)
        peaks.append(int(done.stdout) / 1e3)
    assert peaks[1] - peaks[0] < 20  # MB
