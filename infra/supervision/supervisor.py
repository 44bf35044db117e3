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
FAILED_STARTS_LIMIT = 5
READY_POLL_SECONDS = 0.1
GUARDIAN_SECONDS = 1.0  # minimum time between two starts of the guardian
QUIT_GRACE_SECONDS = 3.0  # from SIGQUIT to SIGKILL
POLL_SECONDS = 0.02
GUARDIAN = Path(__file__).with_name("guardian.py")

log = logging.getLogger(__name__)


class Interrupted(Exception):  # noqa: N818 - a request to end, not an error
    """SIGINT, SIGTERM or SIGHUP came during a wait."""


class _Running:
    """A child, and how its runs went. failed_starts: in a row, until it has once `served`."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.due = 0.0
        self.quick_exits = 0
        self.failed_starts = 0
        self.served = False
        self._ready: int | None = None  # where it tells that it serves; None: it need not any more

    @property
    def is_starting(self) -> bool:
        """Whether it runs and has still to tell that it serves."""
        return self._ready is not None

    def spawn(self) -> None:
        """Starts it; raises OperatorError when it cannot be executed."""
        self.started = time.monotonic()
        if not self.child.tells_ready:
            self.process = self.child.spawn()
            return
        self._ready, telling = os.pipe()
        os.set_blocking(self._ready, False)
        try:
            self.process = self.child.spawn(telling)
        finally:
            os.close(telling)

    def note_ready(self) -> None:
        """Notes what it has told since the last call."""
        if self._ready is None:
            return
        with suppress(BlockingIOError):  # nothing
            self.served |= bool(os.read(self._ready, 1))
            self.stop_listening()

    def stop_listening(self) -> None:
        """Does not wait for it to serve, for it has or it has ended."""
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None


class Supervisor:
    """Owns its children from `start` until `stop`; use it as a context manager.

    `hold` are descriptors of locks, which stay locked after a kill -9 of this process until the
    children have ended too. In the `foreground` it takes over this process's signals: the first
    request to end ends `run`, a second one during `stop` sends SIGQUIT, a third SIGKILL.
    `on_restart` is called when a child was restarted. `unready_file` then holds the names of the
    children that should tell when they serve and do not.

    A child that ends is started again. Only one that has never served ends `run`, when its start
    has failed FAILED_STARTS_LIMIT times in a row: before it told that it serves or, of a child that
    does not tell, soon after its start.
    """

    def __init__(self, hold: Sequence[int] = (), foreground: bool = False) -> None:
        self.on_restart: Callable[[], None] = lambda: None
        self.unready_file: Path | None = None
        self._unready: list[str] | None = None  # as written to that file
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
        running = self._running[name]
        process = running.process
        deadline = time.monotonic() + seconds
        while process and process.poll() is None and time.monotonic() < deadline:
            if answers():
                running.served = True
                return True
            if self._end_requests:
                raise Interrupted
            self._pause(POLL_SECONDS)
        return False

    def run(self, until: Callable[[], bool] = lambda: False, every: float = math.inf) -> bool:
        """Keep the children running until `until()` is true, called about every `every` seconds.

        Returns True then, and False after a signal to end. Raises OperatorError when a child does
        not come up.
        """
        while not self._end_requests:
            due = self.restart_ended()
            if until():
                return True
            self._pause(min(due, every))
        return False

    def restart_ended(self) -> float:
        """Restart the ended children that are due; returns the seconds until the next call."""
        for running in self._running.values():
            running.note_ready()
            if running.process and running.process.poll() is not None:
                self._handle_exit(running)
            if not running.process and running.due <= time.monotonic():
                self._spawn(running)
                self.on_restart()
        self._note_unready()
        waiting = [one.due for one in self._running.values() if not one.process]
        if any(one.is_starting for one in self._running.values()):
            waiting.append(time.monotonic() + READY_POLL_SECONDS)
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
        running.spawn()
        self._register(running)

    def _note_unready(self) -> None:
        unready = [
            name
            for name, one in self._running.items()
            if one.child.tells_ready and (one.is_starting or not one.process)
        ]
        if self.unready_file and unready != self._unready:
            with suppress(OSError):  # a full disk must not end the service; we write later
                new = self.unready_file.with_suffix(".new")
                new.write_text("\n".join(unready), encoding="utf-8")
                new.replace(self.unready_file)
                self._unready = unready

    def _register(self, running: _Running) -> None:
        if running.process:
            self._send_to_guardian(f"+{running.process.pid} {int(running.child.stop_signal)}")

    def _forget(self, running: _Running) -> None:
        """Kill the rest of an ended leader's group, and drop it from the guardian's list."""
        self._signal(running, signal.SIGKILL)
        if running.process:
            self._send_to_guardian(f"-{running.process.pid}")
        running.process = None
        running.stop_listening()

    def _handle_exit(self, running: _Running) -> None:
        how = _how_it_ended(running.process.returncode if running.process else None)
        quick = time.monotonic() - running.started < QUICK_EXIT_SECONDS
        running.quick_exits = running.quick_exits + 1 if quick else 0
        if not running.child.tells_ready and not quick:
            running.served = True
        self._forget(running)
        running.failed_starts += 1
        if not running.served and running.failed_starts >= FAILED_STARTS_LIMIT:
            raise OperatorError(
                f"{running.child.name} did not start in {running.failed_starts} attempts ({how})."
                f" {running.child.end_of_log()}"
            )
        delay = BACKOFF_SECONDS[min(max(running.quick_exits - 1, 0), len(BACKOFF_SECONDS) - 1)]
        running.due = time.monotonic() + delay
        log.warning("%s ended (%s); it starts again in %s s", running.child.name, how, delay)

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


def _how_it_ended(code: int | None) -> str:
    return f"killed by signal {-code}" if code and code < 0 else f"exit code {code}"
