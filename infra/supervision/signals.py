"""The signals of a foreground process, taken over while it supervises others."""

import math
import os
import select
import signal
from contextlib import ExitStack, suppress
from types import FrameType, TracebackType
from typing import Self


class Signals:
    """Counts requests to end and wakes `pause` when a signal comes; for the main thread only.

    Handlers only count, so that a signal takes effect between two steps of work and never in the
    middle of one.
    """

    def __init__(self) -> None:
        """The signals are taken over when the `with` block begins."""
        self.end_requests = 0
        self._pipe = (-1, -1)
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
            self._undo.callback(os.close, end)
        former = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        self._undo.callback(signal.set_wakeup_fd, former)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP:
                self._take(number)  # nohup ignores SIGHUP, and we then keep running
        if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
            # As after `&` in a script. Children would inherit that and could not be hurried; a
            # handler that does nothing is not inherited.
            former_quit = signal.signal(signal.SIGQUIT, lambda *_: None)
            self._undo.callback(signal.signal, signal.SIGQUIT, former_quit)
        self._take(signal.SIGCHLD)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    def pause(self, seconds: float) -> None:
        """Sleep until a signal comes, at most `seconds` (which may be infinite)."""
        timeout = None if math.isinf(seconds) else seconds
        if select.select([self._pipe[0]], [], [], timeout)[0]:
            with suppress(BlockingIOError):
                os.read(self._pipe[0], 4096)

    def _take(self, number: signal.Signals) -> None:
        self._undo.callback(signal.signal, number, signal.signal(number, self._count))

    def _count(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.end_requests += 1
