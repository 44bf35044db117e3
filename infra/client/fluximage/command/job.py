"""One call of `compress` on files and folders, from the plan to the last line."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fluximage.command import dry_run, manifest
from fluximage.command.display import Display
from fluximage.command.engine import Engine, OpenEngine
from fluximage.command.exits import CommandError, Exit
from fluximage.command.fields import digest_of, with_format
from fluximage.command.ledger import Ledger, folder_of, locked
from fluximage.command.outcome import Outcome, Totals
from fluximage.command.plan import Plan, Where, make_plan
from fluximage.command.run import Run, interruptible
from fluximage.command.saving import Saver
from fluximage.command.screen import sentence_of, status_of
from fluximage.command.walk import Walked
from fluximage.command.words import count, printable, shown
from fluximage.errors import FluximageError
from fluximage.journal import Journal
from fluximage.options import Format, Options

AGAIN = "What is done is kept; type the same command to go on."


@dataclass(frozen=True)
class Telling:
    """How a run tells of itself: on the screen and in files."""

    quiet: bool
    as_json: bool
    manifests: tuple[Path, ...]
    failed_list: Path | None


class Job:
    """The images of `walked`, made with `options`, written to `where`."""

    def __init__(
        self,
        walked: Walked,
        where: Where,
        options: Options,
        file_format: Format,
        telling: Telling,
        *,
        display: Display | None = None,
        folder: Path | None = None,
    ) -> None:
        """display: instead of the terminal. folder: of the ledger, where there is no --out."""
        self._walked = walked
        self._where = where
        self._options = options
        self._format = file_format
        self._telling = telling
        self._folder = where.out or folder or folder_of(walked.base)
        self._manifests = telling.manifests or (
            tuple(where.out / name for name in manifest.NAMES) if where.out else ()
        )
        name = Path(os.path.abspath(walked.base)).name
        self._display = display or Display(
            name, Totals(), quiet=telling.quiet, as_json=telling.as_json
        )
        self._totals = self._display.totals

    def run(
        self,
        open_engine: OpenEngine,
        session_id: str | None,
        *,
        keeps_engine: bool = False,
    ) -> Exit:
        """Compress everything that is not done yet; returns the exit status.

        keeps_engine: leaves it open, for the next run.
        """
        with ExitStack() as ends:
            engine = open_engine(self._display.waiting)
            if not keeps_engine:
                ends.callback(engine.close)
            engine.usage()  # an unknown key or address is told before the first upload
            if self._where.out:
                self._where.out.mkdir(parents=True, exist_ok=True)
            ends.enter_context(locked(self._folder))
            ledger = Ledger(self._folder)
            ends.callback(ledger.close)
            ledger.recover()
            plan = self._plan(ledger)
            self._tell_others(plan)
            error = self._send(plan, engine, ledger, session_id) if plan.items else None
            error = self._write_lists(ledger) or error
            return self._end(error)

    def say(self, open_engine: OpenEngine) -> Exit:
        """Tell what `run` would send, and whether the plan has enough for it."""
        ledger = Ledger(self._folder, read_only=True)
        plan = self._plan(ledger)
        ledger.close()
        engine = open_engine(None)
        usage = engine.usage()
        engine.close()
        ai = self._options.alt_text or self._options.rename
        short = dry_run.shortages(plan, usage, ai=ai) if usage else []
        if self._telling.as_json:
            self._display.record(dry_run.record(plan, usage, short))
            return Exit.REFUSED if short else Exit.DONE
        for line in (*dry_run.plan_lines(plan), *self._passed_over(plan)):
            self._display.line(line)
        if usage:
            self._display.line(dry_run.account_line(usage, ai=ai))
        for line in short:
            self._display.note(line)
        self._display.line("Nothing was sent.")
        return Exit.REFUSED if short else Exit.DONE

    def _digest_of(self, file_format: Format) -> str:
        more = {"name": self._where.template.text, "in_place": self._where.in_place}
        return digest_of(with_format(self._options, file_format), more)

    def _plan(self, ledger: Ledger) -> Plan:
        plan = make_plan(self._walked, self._where, self._format, ledger, self._digest_of)
        for path in self._manifests:
            if not (self._where.overwrite or manifest.is_ours(path)):
                raise CommandError(
                    f"{printable(str(path))} exists and is no manifest of this command; type"
                    " --manifest FILE for another place, or --overwrite.",
                    Exit.USAGE,
                )
        self._totals.expected += len(plan.items)
        self._totals.expected_bytes += sum(item.found.size for item in plan.items)
        return plan

    def _tell_others(self, plan: Plan) -> None:
        """What is not sent: done before, left out, or not to be read."""
        for found, entry in plan.done:
            target = shown(found.path if entry.target is None else entry.target)
            self._display.outcome(Outcome("skipped", str(found.path), target, entry.result), 0)
        for folder, reason in self._walked.unreadable:
            message = f"it cannot be read: {reason}"
            self._display.outcome(
                Outcome("failed", str(folder), code="unreadable_file", message=message), 0
            )
        for line in self._passed_over(plan):
            self._display.line(line)
        if not plan.items and not plan.done:
            self._display.remark("There is no image to compress.")

    def _passed_over(self, plan: Plan) -> list[str]:
        walked = self._walked
        parts = (
            (
                walked.others,
                count(walked.others, "file that is no image", "files that are no images"),
            ),
            (walked.links, count(walked.links, "link")),
            (walked.hidden, count(walked.hidden, "hidden name")),
        )
        said = [text for number, text in parts if number]
        lines = [f"Left out: {', '.join(said)}."] if said else []
        return lines + [printable(f"Left out: {one.path} {why}.") for one, why in plan.left_out]

    def _send(
        self, plan: Plan, engine: Engine, ledger: Ledger, session_id: str | None
    ) -> BaseException | None:
        """What ended the run early, if anything did."""
        saver = Saver(engine, ledger, plan, self._where)
        run = Run(plan, engine, saver, self._display)
        try:
            with Journal(ledger.path) as journal, interruptible():
                self._display.start()
                run.send(
                    lambda each: with_format(self._options, each),
                    self._digest_of,
                    session_id=session_id,
                    journal=journal,
                )
        except (CommandError, FluximageError, KeyboardInterrupt) as error:
            return error
        finally:
            self._display.stop()
        return None

    def _write_lists(self, ledger: Ledger) -> CommandError | None:
        """Manifests and the list of what failed, also of a run that ended early."""
        try:
            for path in self._manifests:
                manifest.write_manifest(path, ledger.entries())
            if self._telling.failed_list:
                manifest.write_failed_list(self._telling.failed_list, self._totals.failures)
        except OSError as error:
            name = printable(str(error.filename or self._manifests[0]))
            return CommandError(f"{name} cannot be written: {error.strerror}.")
        return None

    def _end(self, error: BaseException | None) -> Exit:
        status = Exit.DONE if error is None else status_of(error)
        if status is Exit.DONE and self._totals.failed:
            status = Exit.SOME_FAILED
        text = self._words(error)
        self._display.summary(
            {
                "exit_status": int(status),
                "error": text,
                "manifests": [str(path) for path in self._manifests],
            }
        )
        if text:
            kept = self._totals.done or status in (Exit.TEMPORARY, Exit.INTERRUPTED)
            self._display.note(f"{text}\n{AGAIN}" if kept else text)
        elif self._where.out:
            listed = f" · manifest: {self._manifests[0]}" if self._manifests else ""
            again = " · again: the same command does only what is new or failed"
            self._display.remark(printable(f"{self._where.out}{listed}{again}"))
        return status

    def _words(self, error: BaseException | None) -> str | None:
        if isinstance(error, CommandError | FluximageError):
            return sentence_of(error)
        ended = f"{self._totals.ended:,} of {count(self._totals.expected, 'image')}"
        return None if error is None else f"Stopped after {ended}."
