"""The peak memory for one large photograph, each conversion in a process of its own."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.benchmarks.codecs import sharp, sharp_encoders
from infra.benchmarks.codecs.pictures import Picture, jpeg, tiled
from shared.errors import OperatorError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Options
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe

_ASPECT = 1.5
_MEGA = 1e6


@dataclass(frozen=True)
class Peak:
    """One conversion at full size; its fields are keys of the JSON.

    peak, idle: resident bytes at the peak, and before the file was read. size: of the result in
    bytes. cpu: in seconds.
    """

    peak: int
    idle: int
    size: int
    cpu: float


def measure(
    picture: Picture, megapixels: float, sharp_folder: Path | None, progress: Callable[[str], None]
) -> dict[str, Any]:
    """The picture, tiled to that many megapixels as a JPEG, to each format by us and by sharp."""
    height = round((megapixels * _MEGA / _ASPECT) ** 0.5)
    width = round(height * _ASPECT)
    peaks: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.jpg"
        path.write_bytes(jpeg(tiled(picture.image, width, height)))
        for format in OUTPUT_TYPES:
            progress(f"memory: {format.value}")
            sides = {"ours": _by_us(path, format)}
            if sharp_folder is not None:
                sides["sharp"] = _by_sharp(path, format, sharp_folder)
            peaks[format.value] = {side: asdict(peak) for side, peak in sides.items()}
    return {"from": [width, height], "formats": peaks}


def _by_us(path: Path, format: ImageType) -> Peak:
    command = [sys.executable, "-m", __name__, str(path), format.value]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OperatorError(f"The engine failed at {format.value}: {done.stderr.strip()}")
    return Peak(**json.loads(done.stdout))


def _by_sharp(path: Path, format: ImageType, folder: Path) -> Peak:
    with sharp.running(folder) as node:
        options = sharp_encoders.DEFAULTS[format.value]
        return Peak(**node.ask("convert", path=str(path), format=format.value, options=options))


def convert(path: Path, format: ImageType) -> Peak:
    """One file through the engine in this process; the peak is since the process started."""
    idle = _peak_bytes()
    data = path.read_bytes()
    output = process(ImageJob(data, probe(data), Options(format=format)))
    return Peak(_peak_bytes(), idle, len(output.data), output.cpu_seconds)


def _peak_bytes() -> int:
    """The peak of resident memory.

    On Linux by VmHWM, because ru_maxrss includes what the parent process held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


if __name__ == "__main__":
    print(json.dumps(asdict(convert(Path(sys.argv[1]), ImageType(sys.argv[2])))))
