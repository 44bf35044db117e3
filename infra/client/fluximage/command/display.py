"""What a run says: a live bar on a terminal, plain lines elsewhere, or JSON lines."""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fluximage.command.bar import Bar, Speed, again_in
from fluximage.command.outcome import Outcome, Totals
from fluximage.command.words import change, count, duration, printable, size
from fluximage.errors import Temporary

REFRESH_PER_SECOND = 8
SHOWN_FAILURES = 20
LEAST_WAIT_SECONDS = 1.0  # a shorter wait needs no word
TOLD = {"faster_encoding"}  # other warnings show in the line of the image
SHOW_CURSOR = "\x1b[?25h"


class Display:
    """Tells of a run to a person, or with `as_json` to a program. Threads may share it.

    With `as_json`, standard output has JSON lines alone, and the bar and what a person needs go
    to standard error. With `quiet`, only failures are told.
    """

    def __init__(
        self,
        name: str,
        totals: Totals,
        *,
        quiet: bool,
        as_json: bool,
        live: bool = True,
        records: bool = True,
    ) -> None:
        """live: whether a terminal gets the bar. records: whether an outcome is a line of JSON."""
        self.totals = totals
        self._records = records
        self._quiet = quiet
        self._json = as_json
        self._lock = threading.RLock()
        self._since = time.monotonic()
        self._stream: TextIO = sys.stderr if as_json else sys.stdout
        self._console = Console(file=self._stream, highlight=False, soft_wrap=True)
        live = (
            live
            and not quiet
            and self._stream.isatty()
            and os.environ.get("TERM", "") not in ("dumb", "unknown")
        )
        self.speed = Speed()
        self._again_at = 0.0
        self._bar = Bar(printable(name), totals, self.speed)
        self._live = (
            Live(
                self._bar,
                console=self._console,
                transient=True,
                refresh_per_second=REFRESH_PER_SECOND,
            )
            if live
            else None
        )

    def start(self) -> None:
        """Show the bar."""
        self._since = time.monotonic()
        if self._live:
            self._live.start()

    def stop(self) -> None:
        """Take the bar away."""
        if self._live:
            self._live.stop()

    def outcome(self, outcome: Outcome, source_bytes: int) -> None:
        """Count one image and tell of it."""
        with self._lock:
            self.totals.add(outcome, source_bytes)
            self._bar.moved()
            if self._records:
                self.json(outcome.record())
            if outcome.status == "failed":
                self._failure(outcome)
            elif not (self._live or self._quiet or self._json or outcome.status == "skipped"):
                self.line(_told(outcome))
            for warning in outcome.warnings:
                if warning.code in TOLD:
                    self.line(printable(f"warning  {outcome.source}: {warning.message}"))

    def _failure(self, outcome: Outcome) -> None:
        text = printable(_failure_words(outcome))
        if self._live or not (self._quiet or self._json):
            self.line(f"failed  {text}", style="red")
        else:
            print(f"fluximage: {text}", file=sys.stderr)

    def waiting(self, error: Temporary, seconds: float) -> None:
        """A call failed and is repeated after so many seconds."""
        reason = _reason(error)
        now = time.monotonic()
        with self._lock:  # several calls wait at a time; one of them is enough
            if not reason or seconds < LEAST_WAIT_SECONDS or now < self._again_at:
                return
            self._again_at = now + seconds
            if self._live:
                self._bar.wait(reason, seconds)
            else:
                self.line(f"{again_in(reason, seconds)}.")

    def line(self, text: str, style: str = "") -> None:
        """A line above the bar; with --quiet none, nor with --json off a terminal."""
        with self._lock:
            if self._live:
                self._console.print(Text(text, style=style))
            elif not (self._quiet or self._json):
                print(text, file=self._stream, flush=True)

    def remark(self, text: str) -> None:
        """A line about a whole run."""
        self.line(text)

    def record(self, record: Mapping[str, Any]) -> None:
        """One line of JSON on standard output."""
        print(json.dumps(record), flush=True)

    def json(self, record: Mapping[str, Any]) -> None:
        """As `record`, with --json alone."""
        if self._json:
            self.record(record)

    def note(self, text: str) -> None:
        """A sentence that even --quiet does not hide, on standard error."""
        with self._lock:
            if self._live:
                self._console.print(Text(f"fluximage: {text}"))
            else:
                print(f"fluximage: {text}", file=sys.stderr, flush=True)

    def summary(self, more: dict[str, Any]) -> None:
        """The sums: as a record (with `more`) or for a person."""
        totals = self.totals
        seconds = time.monotonic() - self._since
        if self._json:
            self.record(_summary_record(totals, seconds) | more)
        else:
            for text in _sums(totals, seconds):
                self.line(text)


def _reason(error: Temporary) -> str | None:
    """Why a call is repeated; None where the server only asks to wait a moment."""
    if error.status is None:
        return "The server does not answer"
    if error.code == "work_limit":
        return "The account has used up its CPU time of this hour"
    if error.status == 429:
        return "The server limits this account"
    return "The server is busy" if error.status >= 500 else None


def _failure_words(outcome: Outcome) -> str:
    """The path and the reason; the service's sentences begin with the file's name."""
    message = outcome.message or ""
    name = outcome.source.rpartition("/")[2]
    if message.startswith(f"{name} "):
        return outcome.source + message.removeprefix(name)
    return f"{outcome.source}: {message}"


def _told(outcome: Outcome) -> str:
    result = outcome.result
    if result is None:
        return printable(outcome.source)
    sizes = f"{size(result.original_size)} → {size(result.compressed_size)}"
    saved = change(result.original_size, result.compressed_size)
    if outcome.status == "kept":
        return printable(f"{outcome.source}  kept, it is as small as it gets")
    to = "" if outcome.target == outcome.source else f" → {outcome.target}"
    return printable(f"{outcome.source}{to}  {sizes} ({saved})")


def _sums(totals: Totals, seconds: float) -> list[str]:
    before, after = totals.original_bytes, totals.compressed_bytes
    good = totals.done + totals.kept
    lines = []
    if good:
        saved = (
            f"saved {size(before - after)} ({change(before, after).strip('−')})"
            if before > after
            else "nothing saved"
        )
        lines.append(
            f"{count(good, 'image')}   {size(before)} → {size(after)}   {saved}"
            f"   in {duration(seconds)}"
        )
    if totals.skipped:
        lines.append(f"  {count(totals.skipped, 'was', 'were')} done already")
    if totals.no_smaller:
        lines.append(f"  {count(totals.no_smaller, 'was', 'were')} already as small as they get")
    if totals.failed:
        names = [printable(one.source) for one in totals.failures[:SHOWN_FAILURES]]
        more = totals.failed - len(names)
        lines.append(
            f"  {totals.failed:,} failed: {', '.join(names)}{f' and {more:,} more' if more else ''}"
        )
    return lines


def _summary_record(totals: Totals, seconds: float) -> dict[str, Any]:
    return {
        "type": "summary",
        "images": totals.expected + totals.skipped,
        "done": totals.done,
        "kept": totals.kept,
        "skipped": totals.skipped,
        "failed": totals.failed,
        "original_bytes": totals.original_bytes,
        "compressed_bytes": totals.compressed_bytes,
        "seconds": round(seconds, 3),
    }
