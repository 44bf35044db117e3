"""The last line of a terminal while images are on their way."""

import math
import time
from collections import deque
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fluximage.command.outcome import Totals
from fluximage.command.words import change, clock, duration, size

SPEED_SECONDS = 5.0
WAITING_SECONDS = 10.0  # how long an attempt may take until it fails, or something is told
BAR_WIDTH = 26
LEAST_BAR_WIDTH = 8


def again_in(reason: str, seconds: float) -> str:
    """Why nothing moves, and when it is tried again."""
    when = f" in {duration(math.ceil(seconds))}" if seconds > 0 else ""
    return f"{reason}; trying again{when}"


class Speed:
    """Bytes a second, over the last seconds."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()
        self._sum = 0

    def add(self, count: int) -> None:
        """`count` bytes were sent now."""
        self._steps.append((time.monotonic(), count))
        self._sum += count

    def now(self) -> float:
        """Bytes a second."""
        since = time.monotonic() - SPEED_SECONDS
        while self._steps and self._steps[0][0] < since:
            self._sum -= self._steps.popleft()[1]
        return max(0, self._sum) / SPEED_SECONDS


class Bar:
    """Shows what fits: the count always, then sizes, time left, the bar, the speed and the name."""

    def __init__(self, name: str, totals: Totals, speed: Speed) -> None:
        self._name = name
        self._totals = totals
        self._speed = speed
        self._since = time.monotonic()
        self._reason = ""
        self._again_at = 0.0

    def wait(self, reason: str, seconds: float) -> None:
        """Say below the bar why nothing moves, and when it is tried again."""
        self._reason, self._again_at = reason, time.monotonic() + seconds

    def moved(self) -> None:
        """Take away what `wait` said."""
        self._reason = ""

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width - 1  # a full line would wrap on some terminals
        row = list(self._fitting(width))
        grid = Table.grid(padding=(0, 2))
        for _part in row:
            grid.add_column(no_wrap=True)
        grid.add_row(*row)
        yield grid
        left = self._again_at - time.monotonic()
        if self._reason and left > -WAITING_SECONDS:
            text = again_in(self._reason, left)
            yield Text(text, style="yellow", no_wrap=True, overflow="ellipsis")

    def _fitting(self, width: int) -> Iterator[Text | ProgressBar]:
        totals = self._totals
        texts = {
            "name": self._name,
            "count": f"{totals.ended:>{len(str(totals.expected))}}/{totals.expected}",
            "speed": self._uploading(),
            "sizes": self._sizes(),
            "left": self._left(),
        }
        shown, room = {"count"}, width - len(texts["count"])
        for part in ("sizes", "left", "bar", "speed", "name"):
            needed = 2 + (LEAST_BAR_WIDTH if part == "bar" else len(texts[part]))
            if needed <= room and (part == "bar" or texts[part]):
                shown.add(part)
                room -= needed
        bar_width = min(BAR_WIDTH, LEAST_BAR_WIDTH + max(0, room))
        for part in ("name", "bar", "count", "speed", "sizes", "left"):
            if part == "bar" and part in shown:
                yield ProgressBar(totals.expected or 1, totals.ended, width=bar_width)
            elif part in shown:
                yield Text(texts[part])

    def _uploading(self) -> str:
        """The speed; blank between two uploads, when the service alone has work."""
        speed = self._speed.now()
        return (f"{size(speed)}/s" if speed else "").rjust(8)

    def _sizes(self) -> str:
        totals = self._totals
        before, after = totals.original_bytes, totals.compressed_bytes
        return f"{size(before)} → {size(after)} ({change(before, after)})" if before else ""

    def _left(self) -> str:
        totals = self._totals
        if not totals.ended_bytes or totals.ended == totals.expected:
            return ""
        passed = time.monotonic() - self._since
        return f"{clock(passed * (totals.expected_bytes / totals.ended_bytes - 1))} left"
