"""How an image is made within its limits: with the effort that is wanted, with less, or not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.errors import TooMuchWorkError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Effort, Options
from workers.cost.estimate import Cost, estimate
from workers.imaging.formats.probe import Probe

_LESS_EFFORT = {
    Effort.SMALL: (Effort.SMALL, Effort.BALANCED, Effort.FAST),
    Effort.BALANCED: (Effort.BALANCED, Effort.FAST),
    Effort.FAST: (Effort.FAST,),
}
_MIN_SUGGESTED_WIDTH, _ROUNDED_PIXELS = 16, 100


@dataclass(frozen=True)
class Limits:
    """What one image may take at most: CPU seconds, and bytes of memory."""

    cpu_seconds: float
    memory_bytes: float

    def hold(self, cost: Cost) -> bool:
        """Whether an image of that cost stays within them, whatever its pixels."""
        fits_cpu = cost.max_cpu_seconds <= self.cpu_seconds
        return fits_cpu and cost.memory_bytes <= self.memory_bytes


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
        if limits.hold(cost):
            return Plan(possible, cost, possible is not effort)
    raise TooMuchWorkError(_refusal(facts, upload_bytes, options, limits))


def _refusal(facts: Probe, upload_bytes: int, options: Options, limits: Limits) -> str:
    """Why nothing fits, and the size and the formats that would."""
    width, height = _size(facts, options)
    size = f"{width} x {height} pixels"
    if facts.stays_animated(options.format):
        size = f"{facts.frames} frames of {size}"
    why = f"This image could take more work than one may ({size} to {options.format.value})"
    fitting = _fitting_width(facts, upload_bytes, options, limits)
    others = list(_fitting_formats(facts, upload_bytes, options, limits))
    ways = [f"ask for a maxWidth of {fitting} or less"] if fitting else []
    if others:
        ways.append(f"for {' or '.join(other.value for other in others)}")
    return f"{why}; {', or '.join(ways) if ways else 'send a smaller one'}"


def _fitting_width(facts: Probe, upload_bytes: int, options: Options, limits: Limits) -> int | None:
    """About the largest maxWidth that fits; None where the upload itself is too much."""

    def fits(width: int) -> bool:
        smaller = replace(options, max_width=width)
        return limits.hold(estimate(facts, upload_bytes, smaller, Effort.FAST))

    low, high = _MIN_SUGGESTED_WIDTH, _size(facts, options)[0]
    if not fits(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    rounded = low // _ROUNDED_PIXELS * _ROUNDED_PIXELS
    return rounded if rounded >= _ROUNDED_PIXELS and fits(rounded) else low


def _fitting_formats(
    facts: Probe, upload_bytes: int, options: Options, limits: Limits
) -> Iterator[ImageType]:
    for other in OUTPUT_TYPES:
        if other is not options.format and facts.stays_animated(other) == facts.stays_animated(
            options.format
        ):
            asked = replace(options, format=other)
            if limits.hold(estimate(facts, upload_bytes, asked, Effort.FAST)):
                yield other


def _size(facts: Probe, options: Options) -> tuple[int, int]:
    """Of the result as stored, in pixels."""
    by_width = (options.max_width or facts.width) / facts.width
    by_height = (options.max_height or facts.height) / facts.height
    scale = min(1.0, by_width, by_height)
    return max(1, round(facts.width * scale)), max(1, round(facts.height * scale))
