"""The tool compress_files: a run of `compress` below one root, told as a record."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fluximage.command import header, ledger, manifest
from fluximage.command.display import Display
from fluximage.command.engine import Remote
from fluximage.command.exits import CommandError, Exit
from fluximage.command.filters import Filters
from fluximage.command.job import Job, Telling
from fluximage.command.mcp_root import Root
from fluximage.command.naming import Template
from fluximage.command.outcome import Outcome, Totals
from fluximage.command.plan import Where
from fluximage.command.profile import Server
from fluximage.command.walk import Walked, walk
from fluximage.command.words import printable
from fluximage.options import Format, Options

SHOWN = 100


@dataclass(frozen=True)
class Wish:
    """What the agent asks for; the tool says what each means."""

    paths: list[str]
    out: str | None
    format: Format
    quality: int | None
    max_width: int | None
    max_height: int | None
    alt_text: bool


class Listening(Display):
    """Keeps what a run tells, and writes nothing."""

    def __init__(self) -> None:
        super().__init__("", Totals(), quiet=True, as_json=False, live=False)
        self.outcomes: list[Outcome] = []
        self.notes: list[str] = []

    def outcome(self, outcome: Outcome, source_bytes: int) -> None:
        """Keep it."""
        with self._lock:
            self.totals.add(outcome, source_bytes)
            self.outcomes.append(outcome)

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)


def compress(root: Root, server: Server, wish: Wish) -> dict[str, Any]:
    """Do it; raises CommandError or FluximageError where nothing was done."""
    out = root.inside(wish.out) if wish.out is not None else None
    where = Where(out, Template(), False, False, None, False)
    walked = _walk(root, [root.existing(path) for path in wish.paths], out)
    walked, no_images = _images_of(walked)
    _judge(root, walked, where, wish.format)
    options = Options(
        quality=wish.quality,
        max_width=wish.max_width,
        max_height=wish.max_height,
        alt_text=wish.alt_text,
    )
    display = Listening()
    telling = Telling(quiet=True, as_json=False, manifests=(), failed_list=None)
    folder = None if out else root.path
    job = Job(walked, where, options, wish.format, telling, display=display, folder=folder)
    status = job.run(lambda on_retry: Remote(server, on_retry), None)
    if status not in (Exit.DONE, Exit.SOME_FAILED) and not display.totals.ended:
        raise CommandError("\n".join(display.notes) or "It failed.", status)
    return _record(root, display, no_images)


def _walk(root: Root, paths: list[Path], out: Path | None) -> Walked:
    """What is at and below the paths; beside the originals, the ledger is the root's."""
    without = [out] if out else []
    return walk(paths, Filters(), without=without, base=None if out else root.path)


def _images_of(walked: Walked) -> tuple[Walked, list[Path]]:
    """Only images are sent, whatever was named: an agent could be talked into sending a secret."""
    files = [found for found in walked.files if header.type_of_file(found.path)]
    others = {found.path for found in walked.files} - {found.path for found in files}
    return replace(walked, files=files), sorted(others)


def _judge(root: Root, walked: Walked, where: Where, file_format: Format) -> None:
    """Raises CommandError where a link leads a file that is written out of the root."""
    top = where.out or root.path
    for name in (ledger.NAME, ledger.LOCK, *manifest.NAMES):
        root.inside(top / name)
    targets = (top / where.template.render(one.relative, file_format) for one in walked.files)
    for folder in {target.parent for target in targets}:
        root.inside(folder)


def _record(root: Root, display: Listening, no_images: list[Path]) -> dict[str, Any]:
    totals = display.totals
    good = [one for one in display.outcomes if one.status != "failed"]
    bad = [one for one in display.outcomes if one.status == "failed"]
    failures = [
        {"source": root.name(one.source), "code": one.code, "message": printable(one.message or "")}
        for one in bad
    ]
    failures += [
        {"source": root.name(path), "code": "not_an_image", "message": "It is no image."}
        for path in no_images
    ]
    return {
        "done": totals.done,
        "done_before": totals.skipped,
        "failed": len(failures),
        "original_bytes": totals.original_bytes,
        "compressed_bytes": totals.compressed_bytes,
        "images": [_image(root, one) for one in good[:SHOWN]],
        "failures": failures[:SHOWN],
        "shows_all": max(len(good), len(failures)) <= SHOWN,
        "notes": [printable(line) for note in display.notes for line in note.splitlines()],
    }


def _image(root: Root, outcome: Outcome) -> dict[str, Any]:
    record = outcome.record()
    names = ("width", "height", "original_size", "compressed_size", "alt_text")
    target = Path.cwd() / (outcome.target or outcome.source)
    return {
        "source": root.name(outcome.source),
        "target": root.name(target),
        "done_before": outcome.status == "skipped",
    } | {name: record[name] for name in names}
