"""A run: sends what the plan says, saves what comes back, and ends in an exit status."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from fluximage.command.display import SHOW_CURSOR, Display
from fluximage.command.engine import Engine
from fluximage.command.exits import Exit
from fluximage.command.outcome import Outcome
from fluximage.command.plan import Item, Plan
from fluximage.command.saving import Saver
from fluximage.command.words import count
from fluximage.journal import Journal
from fluximage.options import Format, Options
from fluximage.results import Done
from fluximage.sources import Source

SAVERS = 4
# Results that wait for a free thread; more of them would only expire.
WAITING = 64
NAME_MAX_BYTES = 500
NAME_LEVELS = 10


class Run:
    """Sends the images of a plan, one format after another."""

    def __init__(self, plan: Plan, engine: Engine, saver: Saver, display: Display) -> None:
        self._plan = plan
        self._engine = engine
        self._saver = saver
        self._display = display
        self._room = threading.Semaphore(WAITING)

    def send(
        self,
        options_of: Callable[[Format], Options],
        digest_of: Callable[[Format], str],
        *,
        session_id: str | None,
        journal: Journal,
    ) -> None:
        """Compress every item; raises what ends the run early, when results in hand are saved."""
        formats = dict.fromkeys(item.format for item in self._plan.items)
        for each in formats:
            items = [item for item in self._plan.items if item.format == each]
            self._send(items, options_of(each), digest_of(each), session_id, journal)

    def _send(
        self,
        items: list[Item],
        options: Options,
        digest: str,
        session_id: str | None,
        journal: Journal,
    ) -> None:
        sources = {Source(item.found.path, _name(item)): item for item in items}
        pool = ThreadPoolExecutor(SAVERS, thread_name_prefix="save")
        saved: list[Future[None]] = []
        try:
            results = self._engine.compress(
                list(sources),
                options,
                session_id=session_id,
                journal=journal,
                on_upload=self._display.speed.add,
            )
            for result in results:
                item = sources[result.source]
                if isinstance(result, Done):
                    self._room.acquire()
                    saved.append(pool.submit(self._save, item, digest, result))
                    saved = _still_open(saved)
                else:
                    path = str(item.found.path)
                    failed = Outcome("failed", path, code=result.code, message=result.message)
                    self._display.outcome(failed, item.found.size)
        except KeyboardInterrupt:
            if saved := _still_open(saved):
                hurry = "press Ctrl-C again to end at once"
                self._display.line(f"Saving {count(len(saved), 'result')} first; {hurry}.")
            raise
        finally:
            wait(saved)
            pool.shutdown()
        _still_open(saved)

    def _save(self, item: Item, digest: str, done: Done) -> None:
        try:
            outcome = self._saver.save(item, digest, done)
            self._display.outcome(outcome, item.found.size)
        finally:
            self._room.release()


def _still_open(saved: list[Future[None]]) -> list[Future[None]]:
    """Those that have not ended; raises the error of one that ended with it."""
    for future in saved:
        if future.done():
            future.result()
    return [future for future in saved if not future.done()]


def _name(item: Item) -> str:
    """The name for the server: with its folders, as far as the service takes them."""
    name = item.found.relative.as_posix().encode(errors="replace").decode()
    parts = name.split("/")
    fits = len(parts) <= NAME_LEVELS and len(name.encode()) <= NAME_MAX_BYTES
    return name if fits else parts[-1]


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C, or SIGTERM, ends the block with KeyboardInterrupt; a second one the process.

    Only the main thread can be told of signals; in any other, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def at_once(*_: object) -> NoReturn:
        if sys.stdout.isatty():
            os.write(sys.stdout.fileno(), f"\r\n{SHOW_CURSOR}".encode())
        os._exit(Exit.INTERRUPTED)

    def first(number: int, _: FrameType | None) -> None:
        for each in before:
            signal.signal(each, at_once)
        raise KeyboardInterrupt(number)

    for each in before:
        signal.signal(each, first)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
