"""`fluximage watch DIR`: compresses what appears in a folder, until Ctrl-C."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from fluximage.backoff import OnRetry
from fluximage.command import fields
from fluximage.command.compress import engine_of, run_options, telling_of, where_of
from fluximage.command.display import Display
from fluximage.command.engine import Engine
from fluximage.command.exits import CommandError, Exit
from fluximage.command.filters import Filters
from fluximage.command.job import Job
from fluximage.command.naming import DEFAULT
from fluximage.command.outcome import Outcome, Totals
from fluximage.command.profile import SERVER_HELP
from fluximage.command.run import interruptible
from fluximage.command.screen import ScreenCommand, sentence_of
from fluximage.command.walk import Found, Walked, walk
from fluximage.command.words import printable
from fluximage.errors import Temporary

SCREEN = f"""\
  fluximage watch inbox/ --out web/
  fluximage watch inbox/ --out web/ --format avif --max-width 1600 --overwrite
  fluximage watch inbox/ --in-place --backup originals/

Usage: fluximage watch [OPTIONS] DIR
Compresses the images in a folder and those that appear in it, until Ctrl-C. A file is taken
when its size and time of change have stayed for a while. What is done stands in the same
ledger as that of compress, so nothing is done twice.

  --settle SECONDS           how long a file has to stay as it is  [2]
The others are those of compress, which `fluximage compress --help` explains:
  --include, --exclude GLOB
  --format, --quality, --max-width, --max-height
  --watermark, --watermark-scale, --watermark-opacity, --watermark-position
  --alt-text, --rename, --language, --context, --keywords
  --out DIR, --name TEMPLATE ['{DEFAULT}'], --overwrite  (else a file that
                             changed is told, and its old result stays)
  --in-place, --backup DIR, --manifest FILE, --failed-list FILE
  --quiet, --json, --session NAME, --webhook-url URL, --local
{SERVER_HELP}

Exit status: 0 ended by Ctrl-C with nothing in hand, 130 with images on their way; else as
compress. Where the server is away, it waits and goes on.
"""
POLL_SECONDS = 1.0
AWAY_SECONDS = 30.0
GOES_ON = (Exit.DONE, Exit.SOME_FAILED, Exit.TEMPORARY)
Facts = tuple[int, int]


@click.command(
    "watch", cls=ScreenCommand, screen=SCREEN, short_help="Compress what appears in a folder."
)
@click.argument(
    "folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--settle", type=click.FloatRange(0, 3600), default=2.0)
@run_options
def command(folder: Path, settle: float, **given: Any) -> None:
    """Compress what appears."""
    watch = Watch(folder, settle, given)
    display = watch.display
    status = Exit.DONE
    try:
        with interruptible(), closing(watch):
            display.remark_always(printable(f"{folder} is watched; Ctrl-C ends it."))
            status = watch.run()
    except KeyboardInterrupt:
        pass  # in a pause: nothing is on its way
    display.sums(status)
    click.get_current_context().exit(status)


class Quieter(Display):
    """A display of many runs: their images, and the sums at the end alone."""

    first = True

    def outcome(self, outcome: Outcome, source_bytes: int) -> None:
        """As Display; what was done before counts in the first run, as later it is our own."""
        if self.first or outcome.status != "skipped":
            super().outcome(outcome, source_bytes)

    def remark(self, text: str) -> None:
        """Nothing, as there are many runs."""

    def summary(self, more: dict[str, Any]) -> None:
        """Nothing, as there are many runs."""

    def remark_always(self, text: str) -> None:
        """A line about all of them."""
        super().remark(text)

    def sums(self, status: Exit) -> None:
        """The sums of all of them."""
        super().summary({"exit_status": int(status), "error": None, "manifests": []})


class Settling:
    """Tells which files have stayed as they are for a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[Path, tuple[Facts, float]] = {}

    def settled(self, files: list[Found], now: float) -> Iterator[Found]:
        """Those that did; `now` never goes back. An empty file is one that is begun."""
        before, self._since = self._since, {}
        for found in files:
            facts = facts_of(found)
            known, since = before.get(found.path, (facts, now))
            since = since if known == facts else now
            self._since[found.path] = facts, since
            if now - since >= self._seconds and found.size:
                yield found


def facts_of(found: Found) -> Facts:
    """What changes when a file is written to."""
    return found.size, found.mtime_ns


class Watch:
    """A folder, and what was tried of it."""

    def __init__(self, folder: Path, settle: float, given: dict[str, Any]) -> None:
        self._folder = folder
        self._given = given
        self._options = fields.options_of(given)
        self._where = where_of(given)
        self._filters = Filters(given["include"], given["exclude"])
        self._open_engine = engine_of(given)
        self._engine: Engine | None = None
        self._settling = Settling(settle)
        self._tried: dict[Path, Facts] = {}
        quiet, as_json = given["quiet"], given["as_json"]
        self.display = Quieter(folder.name, Totals(), quiet=quiet, as_json=as_json, live=False)

    def close(self) -> None:
        """Ends the engine."""
        if self._engine:
            self._engine.close()

    def run(self) -> Exit:
        """Goes on until something ends it; returns why. Raises KeyboardInterrupt in a pause."""
        self._kept_engine().usage()  # an unknown key or address is told at once
        while True:
            ready = self._ready()
            status = self._compress(ready) if ready else Exit.DONE
            if status not in GOES_ON:
                return status
            time.sleep(AWAY_SECONDS if status is Exit.TEMPORARY else POLL_SECONDS)

    def _kept_engine(self, _: OnRetry | None = None) -> Engine:
        self._engine = self._engine or self._open_engine(self.display.waiting)
        return self._engine

    def _ready(self) -> list[Found]:
        """What has settled, and was not tried as it is."""
        if not self._folder.is_dir():
            raise CommandError(f"{printable(str(self._folder))} is gone.")
        without = [folder for folder in (self._where.out, self._where.backup) if folder]
        walked = walk([self._folder], self._filters, without=without)
        settled = self._settling.settled(walked.files, time.monotonic())
        return [one for one in settled if self._tried.get(one.path) != facts_of(one)]

    def _compress(self, ready: list[Found]) -> Exit:
        """One run; where results would collide, each file alone, so that the others are done."""
        try:
            status = self._job(ready)
        except Temporary as error:
            self.display.note(sentence_of(error))
            return Exit.TEMPORARY
        except CommandError as error:
            if error.status is not Exit.USAGE:
                raise
            if len(ready) > 1:
                return self._each_alone(ready)
            self.display.note(error.message)
            status = Exit.SOME_FAILED
        if status is not Exit.TEMPORARY:
            self._tried |= {one.path: facts_of(one) for one in ready}
            self.display.first = False
        return status

    def _each_alone(self, ready: list[Found]) -> Exit:
        status = Exit.DONE
        for one in ready:
            status = self._compress([one])
            if status not in GOES_ON:
                break
        return status

    def _job(self, ready: list[Found]) -> Exit:
        job = Job(
            Walked(self._folder.absolute(), ready),
            self._where,
            self._options,
            self._given["file_format"] or "webp",
            telling_of(self._given),
            display=self.display,
        )
        return job.run(self._kept_engine, self._given["session_id"], keeps_engine=True)
