"""What a person at a terminal sees: lines that stay, and a last line that is rewritten.

Where the output is not a terminal, only plain lines are written. It imports nothing but the
standard library, since `make` shows the installation with it.
"""

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

REDRAW_SECONDS = 1.0
ERASE = "\r\x1b[K"


class Console:
    """Lines on standard output; use it as a context manager.

    On a terminal, a thread rewrites the last line about every second, so that it shows that work
    goes on. `live` false: never.
    """

    def __init__(self, live: bool = True, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._live = live and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._status: Callable[[], str] | None = None
        self._text = ""  # the last line, as it stands
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._redraw_often, daemon=True)

    def __enter__(self) -> Self:
        if self._live:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.clear()

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it, and no file or other program."""
        return self._stream.isatty()

    def line(self, text: str, stream: TextIO | None = None) -> None:
        """Write `text` above the last line; `stream`: standard error, say, instead of ours."""
        with self._lock:
            self._erase()
            print(text, file=stream or self._stream, flush=True)
            self._draw()

    def step(self, text: str) -> None:
        """Say what is done now: in the last line, with the seconds that it takes, or plainly."""
        since = time.monotonic()
        if self._live:
            self._set(lambda: f"{text} … {time.monotonic() - since:.0f} s", f"{text} …")
        else:
            self.line(text)

    def progress(self, text: str) -> None:
        """Say how far it is, in the last line; where there is none, say nothing."""
        self._set(lambda: text, text)

    def watch(self, status: Callable[[], str]) -> None:
        """From now on, the last line is what `status()` returns; it is called in a thread."""
        self._set(status, "")

    def clear(self) -> None:
        """Remove the last line."""
        self._set(None, "")

    def _set(self, status: Callable[[], str] | None, text: str) -> None:
        with self._lock:
            self._status, self._text = status, text
            self._erase()
            self._draw()

    def _redraw_often(self) -> None:
        while not self._ended.wait(REDRAW_SECONDS):
            status = self._status
            text = status() if status else ""  # outside the lock: it may ask a server
            with self._lock:
                if status and status is self._status:
                    self._text = text
                    self._draw()

    def _draw(self) -> None:
        if self._live and self._text:
            # One less than the width: a full line would wrap, and could not be erased.
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"{ERASE}{self._text[:width]}")
            self._stream.flush()

    def _erase(self) -> None:
        if self._live:
            self._stream.write(ERASE)
            self._stream.flush()


@contextmanager
def logging_to(console: Console, logs: Path | None) -> Iterator[None]:
    """Log records go to the console during the block; `logs` as for ConsoleHandler."""
    root, pool = logging.getLogger(), logging.getLogger("psycopg.pool")
    former, level = root.handlers, pool.level
    root.handlers = [ConsoleHandler(console, logs)]
    pool.setLevel(logging.ERROR)  # it logs every attempt to connect
    try:
        yield
    finally:
        root.handlers = former
        pool.setLevel(level)


class ConsoleHandler(logging.Handler):
    """Sends log records to standard error, above the console's last line.

    What the supervisor reports of a child is followed by the folder that holds its log.
    """

    def __init__(self, console: Console, logs: Path | None) -> None:
        super().__init__()
        self._console = console
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line."""
        of_child = self._logs and record.name.startswith("infra.supervision")
        more = f" (logs: {self._logs})" if of_child else ""
        self._console.line(f"fluximage: {record.getMessage()}{more}", sys.stderr)
