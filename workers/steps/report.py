"""What one run of a step reports to the operator: a log line, and figures for the metrics."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shared.db.image_states import State
from shared.models import Claim
from shared.services import Services
from workers.imaging.cpu_time import cpu_seconds

logger = logging.getLogger("fluximage.images")


@dataclass
class Report:
    """How one run went.

    result: `done`, `optimised` where a second step follows, or the code of the failure or of the
    warning. ended: the state that the image is left in. seconds: wall time by step.
    """

    result: str = "done"
    ended: State = State.DONE
    seconds: dict[str, float] = field(default_factory=dict)
    engine_cpu_seconds: float = 0.0
    started_cpu_seconds: float = field(default_factory=cpu_seconds)
    bytes_out: int = 0

    @property
    def cpu_seconds(self) -> float:
        """What the run has taken so far; a process for pixels has one run at a time."""
        return cpu_seconds() - self.started_cpu_seconds

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures the block as the step's seconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started

    def publish(self, services: Services, claim: Claim, message: str) -> None:
        """Writes the one log line of a run, and adds to the metrics."""
        format = claim.options.format.value
        logger.info(
            message,
            extra={
                "account": claim.account_id,
                "session": claim.session_name,
                "batch": claim.batch_id,
                "image": claim.image_id,
                "attempt": claim.attempt,
                "result": self.result,
                "format": format,
                "bytes_in": claim.original_size,
                "bytes_out": self.bytes_out,
                "engine_cpu_seconds": round(self.engine_cpu_seconds, 4),
                "seconds": {step: round(taken, 4) for step, taken in self.seconds.items()},
            },
        )
        cpu_seconds = self.cpu_seconds
        services.metrics.count_image(self.ended.value, format, self.seconds, cpu_seconds)
