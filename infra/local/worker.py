"""One process of the engine: takes a job, answers with what became of it, and takes the next."""

import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from shared.errors import NOT_PROCESSED, ImageError
from shared.models import Effort, Notice, Options
from workers.codec_limits import set_codec_limits
from workers.cost.plan import Limits as CostLimits
from workers.cost.plan import plan
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import check_animation, check_limits, probe
from workers.memory import admission

STARTED = "started"  # is sent once there is memory for the image


@dataclass(frozen=True)
class Limits:
    """What a worker of the service takes from the settings of the same names."""

    max_pixels: int
    max_frames: int
    max_animation_pixels: int
    memory_mb: int | None
    effort: Effort


@dataclass(frozen=True)
class Job:
    """One image. content: the file's path, or its bytes."""

    content: Path | bytes
    options: Options
    watermark_png: bytes | None


@dataclass(frozen=True)
class Made:
    """A finished image: `data` is its file; sizes are in bytes and pixels."""

    data: bytes
    original_size: int
    width: int
    height: int
    encoding: str
    watermarked: bool
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class Refused:
    """An image that failed, with a code of the API."""

    code: str
    message: str


def serve(jobs: Connection, limits: Limits) -> None:
    """Works until the other end of `jobs` is closed. Sends STARTED, then Made or Refused."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the parent decides
    set_codec_limits()
    while True:
        try:
            job = jobs.recv()
        except EOFError:
            return
        jobs.send(_end_of(job, limits, jobs))


def _end_of(job: Job, limits: Limits, jobs: Connection) -> Made | Refused:
    try:
        return _made(job, limits, jobs)
    except ImageError as error:
        return Refused(error.code, error.message)
    except OSError as error:
        return Refused("unreadable_file", f"it cannot be read: {error.strerror}")
    except MemoryError:
        return Refused(ImageError.code, "This image needs more memory than is available")
    except Exception as error:  # noqa: BLE001 - a fault of a codec is this image's alone
        return Refused(ImageError.code, f"{NOT_PROCESSED} ({type(error).__name__})")


def _made(job: Job, limits: Limits, jobs: Connection) -> Made:
    data = job.content.read_bytes() if isinstance(job.content, Path) else job.content
    facts = probe(data)
    check_limits(facts, limits.max_pixels, limits.max_frames)
    check_animation(facts, job.options.format, limits.max_animation_pixels)
    memory = admission.of_machine(limits.memory_mb)
    any_time = CostLimits(float("inf"), memory.most_bytes)  # whoever waits may press Ctrl-C
    how = plan(facts, len(data), job.options, limits.effort, any_time)
    with memory.admit(how.cost.memory_bytes, float("inf")):
        jobs.send(STARTED)
        output = process(
            ImageJob(data, facts, job.options, job.watermark_png, how.effort, how.faster)
        )
    return Made(
        data=output.data,
        original_size=len(data),
        width=output.width,
        height=output.height,
        encoding=output.encoding.value,
        watermarked=output.watermarked,
        notices=tuple(Notice(code, message) for code, message in output.warnings),
    )
