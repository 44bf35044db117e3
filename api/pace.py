"""How slowly a client may send a head or a body."""

import time
from dataclasses import dataclass
from random import SystemRandom


@dataclass(frozen=True)
class Limits:
    """In every `window_seconds` so many bytes per second must come, and all in `total_seconds`.

    stall_seconds: how long nothing at all may come.
    """

    bytes_per_second: int
    window_seconds: int
    stall_seconds: int
    total_seconds: int


class TooSlowError(TimeoutError):
    """The client sends more slowly than it may."""


class Pace:
    """Measures one head or one body while it arrives.

    A window is the time that was spent waiting for the client: while this process is busy, the
    bytes lie in the socket, and the client is not to blame. Windows follow each other, so a fast
    start earns no right to stand still later. A window is up to a fifth longer than the limit, by
    chance: thousands of clients that came together would else be refused at one moment.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._window_seconds = limits.window_seconds * SystemRandom().uniform(1.0, 1.2)
        self._deadline = time.monotonic() + limits.total_seconds
        self._waited_seconds = 0.0
        self._stalled_seconds = 0.0
        self._bytes = 0

    def seconds_left(self) -> float:
        """How long to wait for more; raises TooSlowError where the client's time is over."""
        limits = self._limits
        left = min(
            self._window_seconds - self._waited_seconds,
            limits.stall_seconds - self._stalled_seconds,
            self._deadline - time.monotonic(),
        )
        if left <= 0:
            raise TooSlowError
        return left

    def count(self, count: int, waited_seconds: float) -> None:
        """Counts bytes that came after such a wait; raises TooSlowError where they are too few."""
        limits = self._limits
        self._bytes += count
        self._waited_seconds += waited_seconds
        self._stalled_seconds = 0.0 if count else self._stalled_seconds + waited_seconds
        if self._waited_seconds < self._window_seconds:
            return
        if self._bytes < limits.bytes_per_second * self._window_seconds:
            raise TooSlowError
        self._waited_seconds, self._bytes = 0.0, 0
