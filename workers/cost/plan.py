"""How an image is made within its limits: with the effort that is wanted, with less, or not."""

from dataclasses import dataclass

from shared.errors import TooMuchWorkError
from shared.models import Effort, Options
from workers.cost.estimate import Cost, estimate
from workers.imaging.formats.probe import Probe

_LESS_EFFORT = {
    Effort.SMALL: (Effort.SMALL, Effort.BALANCED, Effort.FAST),
    Effort.BALANCED: (Effort.BALANCED, Effort.FAST),
    Effort.FAST: (Effort.FAST,),
}


@dataclass(frozen=True)
class Limits:
    """What one image may take at most: CPU seconds, and bytes of memory."""

    cpu_seconds: float
    memory_bytes: float


@dataclass(frozen=True)
class Plan:
    """effort: to encode with. faster: whether that is less than was wanted."""

    effort: Effort
    cost: Cost
    faster: bool


def plan(facts: Probe, upload_bytes: int, options: Options, effort: Effort, limits: Limits) -> Plan:
    """The most effort, up to the one wanted, whose highest possible cost is within the limits.

    Raises TooMuchWorkError where none is; its message says what would fit.
    """
    for possible in _LESS_EFFORT[effort]:
        cost = estimate(facts, upload_bytes, options, possible)
        if cost.max_cpu_seconds <= limits.cpu_seconds and cost.memory_bytes <= limits.memory_bytes:
            return Plan(possible, cost, possible is not effort)
    raise TooMuchWorkError("This image would take too much work; ask for a smaller maxWidth")
