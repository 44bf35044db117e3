"""One foreground process tree: children start in order, are restarted, and end in order.

Written here because no maintained library does just this: honcho ends everything when one child
ends, circus brings a message bus and an event loop, and supervisor needs a configuration file and
a daemon. Each child leads its own session: a terminal's Ctrl-C reaches only this process, and a
child is killed together with what it forked.
"""

import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.supervision.child import Child
from infra.supervision.signals import Signals
from shared.errors import OperatorError

BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
QUICK_EXIT_SECONDS = 10.0
QUICK_EXITS_LIMIT = 5
GUARDIAN_SECONDS = 1.0  # minimum time between two starts of the guardian
QUIT_GRACE_SECONDS = 3.0  # from SIGQUIT to SIGKILL
POLL_SECONDS = 0.02
GUARDIAN = Path(__file__).with_name("guardian.py")

log = logging.getLogger(__name__)


class Interrupted(Exception):  # noqa: N818 - a request to end, not an error
    """SIGINT, SIGTERM or SIGHUP came during a wait."""


class _Running:
    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.due = 0.0
        self.quick_exits = 0


class Supervisor:
    """Owns its children from `start` until `stop`; use it as a context manager.

    `hold` are descriptors of locks, which stay locked after a kill -9 of this process until the
    children have ended too. In the `foreground` it takes over this process's signals: the first
    request to end ends `run`, a second one during `stop` sends SIGQUIT, a third SIGKILL.
    `on_restart` is called when a child was restarted. `run` fails when a child ends soon after its
    start `quick_exits_limit` times in a row; tests that kill children raise the limit.
    """

    def __init__(self, hold: Sequence[int] = (), foreground: bool = False) -> None:
        self.on_restart: Callable[[], None] = lambda: None
        self.quick_exits_limit: float = QUICK_EXITS_LIMIT
        self._running: dict[str, _Running] = {}
        self._signals = Signals() if foreground else None
        self._hold = tuple(hold)
        self._guardian, self._guardian_started = self._start_guardian(), time.monotonic()

    def __enter__(self) -> Self:
        if self._signals:
            self._signals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            if self._signals:
                self._signals.__exit__(kind, error, trace)

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the children that run now, by name."""
        return {name: one.process.pid for name, one in self._running.items() if one.process}

    def start(self, child: Child) -> None:
        """Start `child` and keep it running; raises OperatorError when it cannot be executed."""
        self._running[child.name] = running = _Running(child)
        self._spawn(running)

    def call(self, child: Child) -> int:
        """Run `child` once and return its exit code."""
        self.start(child)
        process = self._running[child.name].process
        assert process is not None  # noqa: S101 - `start` raises otherwise
        code = process.wait()
        self._forget(self._running.pop(child.name))
        return code

    def wait_until(self, name: str, answers: Callable[[], bool], seconds: float) -> bool:
        """Wait until `answers()` is true; returns whether it was.

        Returns False if the child ends first or `seconds` have passed. Raises Interrupted when a
        signal asks us to end meanwhile.
        """
        process = self._running[name].process
        deadline = time.monotonic() + seconds
        while process and process.poll() is None and time.monotonic() < deadline:
            if answers():
                return True
            if self._end_requests:
                raise Interrupted
            self._pause(POLL_SECONDS)
        return False

    def run(self, until: Callable[[], bool] = lambda: False, every: float = math.inf) -> bool:
        """Keep the children running until `until()` is true, called about every `every` seconds.

        Returns True then, and False after a signal to end. Raises OperatorError when a child keeps
        ending.
        """
        while not self._end_requests:
            due = self.restart_ended()
            if until():
                return True
            self._pause(min(due, every))
        return False

    def restart_ended(self) -> float:
        """Restart the ended children that are due; returns the seconds until the next is due."""
        for running in self._running.values():
            if running.process and running.process.poll() is not None:
                self._handle_exit(running)
            if not running.process and running.due <= time.monotonic():
                self._spawn(running)
                self.on_restart()
        waiting = [one.due for one in self._running.values() if not one.process]
        if self._guardian.poll() is not None:
            waiting.append(self._replace_guardian())
        return max(0.0, min(waiting, default=math.inf) - time.monotonic())

    def stop(self) -> None:
        """End every child and its descendants; the highest `stop_priority` first."""
        orders = {one.child.stop_priority for one in self._running.values()}
        for order in sorted(orders, reverse=True):
            members = [one for one in self._running.values() if one.child.stop_priority == order]
            self._end([one for one in reversed(members) if one.process])
        self._running.clear()
        if self._guardian.stdin:
            with suppress(BrokenPipeError):
                self._guardian.stdin.close()
        self._guardian.wait()

    def _start_guardian(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARDIAN), *map(str, self._hold)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=self._hold,
            cwd="/",
        )

    def _replace_guardian(self) -> float:
        """Replace the guardian, which has ended; when that is too early, return when it is due."""
        due = self._guardian_started + GUARDIAN_SECONDS
        if due <= time.monotonic():
            if self._guardian.stdin:
                with suppress(BrokenPipeError):
                    self._guardian.stdin.close()
            self._guardian, self._guardian_started = self._start_guardian(), time.monotonic()
            log.warning("the guardian was killed; a new one has been started")
            for one in self._running.values():
                self._register(one)
            due = math.inf
        return due

    def _end(self, members: list[_Running]) -> None:
        for one in members:
            self._signal(one, one.child.stop_signal)
        began = time.monotonic()
        quit_at = math.inf
        level = 0  # 0: asked, 1: SIGQUIT sent, 2: SIGKILL sent
        while members := [one for one in members if not self._ended(one)]:
            grace = max(one.child.grace_seconds for one in members)
            now = time.monotonic()
            by_time = 2 if now > quit_at + QUIT_GRACE_SECONDS else int(now > began + grace)
            if (wanted := max(by_time, min(self._end_requests - 1, 2))) > level:
                level, quit_at = wanted, min(quit_at, now)
                for one in members:
                    self._signal(one, signal.SIGQUIT if level == 1 else signal.SIGKILL)
            self._pause(POLL_SECONDS)

    def _ended(self, one: _Running) -> bool:
        if one.process is None or one.process.poll() is None:
            return one.process is None
        self._forget(one)
        return True

    @staticmethod
    def _signal(one: _Running, number: signal.Signals) -> None:
        if one.process is None:
            return
        if number == signal.SIGKILL:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(one.process.pid, number)
        else:
            one.process.send_signal(number)  # the leader ends its own children

    def _spawn(self, running: _Running) -> None:
        running.process = running.child.spawn()
        running.started = time.monotonic()
        self._register(running)

    def _register(self, running: _Running) -> None:
        if running.process:
            self._send_to_guardian(f"+{running.process.pid} {int(running.child.stop_signal)}")

    def _forget(self, running: _Running) -> None:
        """Kill the rest of an ended leader's group, and drop it from the guardian's list."""
        self._signal(running, signal.SIGKILL)
        if running.process:
            self._send_to_guardian(f"-{running.process.pid}")
        running.process = None

    def _handle_exit(self, running: _Running) -> None:
        name, code = running.child.name, running.process.returncode if running.process else None
        quick = time.monotonic() - running.started < QUICK_EXIT_SECONDS
        running.quick_exits = running.quick_exits + 1 if quick else 0
        self._forget(running)
        if running.quick_exits >= self.quick_exits_limit:
            raise OperatorError(
                f"{name} ended {running.quick_exits} times in a row soon after its start"
                f" (the last time with code {code}). {running.child.end_of_log()}"
            )
        delay = BACKOFF_SECONDS[min(max(running.quick_exits - 1, 0), len(BACKOFF_SECONDS) - 1)]
        running.due = time.monotonic() + delay
        log.warning("%s ended with code %s; it starts again in %s s", name, code, delay)

    def _send_to_guardian(self, line: str) -> None:
        if self._guardian.stdin:
            with suppress(BrokenPipeError):  # it was killed: we end our children ourselves
                self._guardian.stdin.write(f"{line}\n".encode())
                self._guardian.stdin.flush()

    @property
    def _end_requests(self) -> int:
        return self._signals.end_requests if self._signals else 0

    def _pause(self, seconds: float) -> None:
        if self._signals:
            self._signals.pause(seconds)
        else:
            time.sleep(min(seconds, POLL_SECONDS))
