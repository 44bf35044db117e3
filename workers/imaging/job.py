"""What is asked of one image, in one object."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.models import Effort, Options, Watermark
from workers.imaging.formats.probe import Probe


@dataclass(frozen=True)
class StepTimer:
    """The wall time of each step, in seconds, by the step's name and in order of first start."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Adds the time of the block to the step: an animation repeats a step for each frame."""
        started = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - started


@dataclass(frozen=True)
class ImageJob:
    """One upload and what is asked of it.

    data: the whole file. probe: what its header says, already checked against the limits.
    watermark_png: applied only if `options.watermark` is set too.
    effort: what is made; faster: whether that is less than the service is set to.
    timer: filled while the job runs, so a job runs once.
    """

    data: bytes
    probe: Probe
    options: Options
    watermark_png: bytes | None = None
    effort: Effort = Effort.BALANCED
    faster: bool = False
    timer: StepTimer = field(default_factory=StepTimer)

    @property
    def watermark(self) -> tuple[bytes, Watermark] | None:
        """The watermark to apply, as its PNG and its placement; None if there is none to apply."""
        if self.watermark_png is None or self.options.watermark is None:
            return None
        return self.watermark_png, self.options.watermark

    @property
    def stays_animated(self) -> bool:
        """Whether the result is an animation too; otherwise it is a still of the first frame."""
        return self.probe.stays_animated(self.options.format)
