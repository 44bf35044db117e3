"""Hostile pixels within real limits: of what the kernel grants, and of what the estimate says."""

import io
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from PIL import Image

pytestmark = [pytest.mark.full, pytest.mark.skipif(sys.platform != "linux", reason="/proc")]

# Takes a file, a format and a quality. All that the process may ever map from then on is what the
# estimate says, and 100 MB for libraries and their stacks.
PROGRAM = """
import resource, sys
from pathlib import Path
from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.cost.plan import Limits, plan
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe

data, options = Path(sys.argv[1]).read_bytes(), Options(ImageType(sys.argv[2]), int(sys.argv[3]))
facts = probe(data)
made = plan(facts, len(data), options, Effort.BALANCED, Limits(60, 2.4e9))
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + made.cost.memory_bytes + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
output = process(ImageJob(data, facts, options, None, made.effort, made.faster))
assert output.cpu_seconds <= made.cost.max_cpu_seconds, output.cpu_seconds
"""


def crafted(width: int, height: int, *, alpha: bool) -> bytes:
    """A PNG of noise in 16 colours whose rows repeat, in few bytes."""
    chance = numpy.random.default_rng(1)
    row = chance.integers(0, 16, (1, width), dtype=numpy.uint8)
    image = Image.fromarray(numpy.repeat(row, height, axis=0), "P")
    image.putpalette(chance.integers(0, 256, 48, dtype=numpy.uint8).tobytes())
    out, transparency = io.BytesIO(), {"transparency": bytes(range(0, 256, 16))} if alpha else {}
    image.save(out, "PNG", bits=4, **transparency)
    return out.getvalue()


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    ("to", "quality"), [("jpg", 100), ("webp", 95), ("webp", 100), ("avif", 100), ("png", 82)]
)
def test_a_crafted_png_is_made_within_the_memory_and_cpu_of_its_estimate(
    to: str, quality: int, alpha: bool, tmp_path: Path
) -> None:
    path = tmp_path / "crafted.png"
    path.write_bytes(crafted(4500, 3000, alpha=alpha))
    command = (sys.executable, "-c", PROGRAM, str(path), to, str(quality))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
