"""`fluximage check PATH…`: whether images are small enough, for CI; no server is asked."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from fluximage.command import dimensions, records
from fluximage.command.exits import Exit
from fluximage.command.filters import Filters, Pattern
from fluximage.command.screen import ScreenCommand
from fluximage.command.walk import Found, walk
from fluximage.command.words import count, printable

SCREEN = """\
  fluximage check static/ --max-bytes 300kB
  fluximage check static/ --max-width 1600 --max-height 1600 --exclude print/
  fluximage check static/ --max-bytes 300kB --json

Usage: fluximage check [OPTIONS] PATH...
Tells which images, also those in folders, are larger than you allow. No server is asked,
and headers alone are read. Widths and heights are as a browser shows the image.

  --max-bytes SIZE           300000, 300kB, 2MB (decimal), 256KiB, 2MiB
  --max-width, --max-height PIXELS
  --include, --exclude GLOB  '*.jpg', 'shoes/**'; may be repeated
  --json                     a line of JSON for each image and a summary

Exit status: 0 all are within, 2 usage, 3 some are above or cannot be read.
"""
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
UNITS |= {"k": 10**3, "m": 10**6, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class Size(click.ParamType[int]):
    """Bytes, also with a unit."""

    name = "SIZE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The bytes that are meant."""
        found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)", str(value).strip().lower())
        if not found or found[2] not in UNITS or not float(found[1]):
            self.fail(f"{value!r} is no size. Write 300000, 300kB or 2MiB.", param, ctx)
        return int(float(found[1]) * UNITS[found[2]])


def complete_files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Lets the shell complete names of files."""
    return [CompletionItem(incomplete, type="file")]


@dataclass(frozen=True)
class Limits:
    """The most that is allowed; None: anything."""

    size: int | None
    width: int | None
    height: int | None


@dataclass(frozen=True)
class Checked:
    """An image; `above` names the limits that it breaks; a message where it cannot be read."""

    source: str
    size: int
    format: str | None = None
    width: int | None = None
    height: int | None = None
    above: tuple[str, ...] = ()
    message: str | None = None


@click.command(
    "check", cls=ScreenCommand, screen=SCREEN, short_help="Whether images are small enough (CI)."
)
@click.argument("paths", nargs=-1, metavar="PATH...", shell_complete=complete_files)
@click.option("--max-bytes", type=Size())
@click.option("--max-width", type=click.IntRange(min=1))
@click.option("--max-height", type=click.IntRange(min=1))
@click.option("--include", multiple=True, type=Pattern())
@click.option("--exclude", multiple=True, type=Pattern())
@click.option("--json", "as_json", is_flag=True)
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Compare images with limits."""
    limits = Limits(given["max_bytes"], given["max_width"], given["max_height"])
    if not paths:
        raise click.UsageError("Nothing to check; type: fluximage check static/ --max-bytes 300kB")
    if limits == Limits(None, None, None):
        raise click.UsageError("No limit; type --max-bytes, --max-width or --max-height.")
    for path in paths:
        if not Path(path).exists():
            raise click.UsageError(f"{printable(path)} does not exist.")
    checked = []
    for one in _check(paths, Filters(given["include"], given["exclude"]), limits):
        checked.append(one)
        if given["as_json"]:
            records.say({"type": "image"} | asdict(one))
        elif one.above or one.message:
            print(printable(f"{one.source}: {_words(one, limits)}"))
    status = _status(checked)
    if given["as_json"]:
        _say_sums(checked, status)
    else:
        _tell_sums(checked, limits, shlex.join(paths))
    click.get_current_context().exit(status)


def _check(paths: Sequence[str], filters: Filters, limits: Limits) -> Iterator[Checked]:
    walked = walk([Path(path) for path in paths], filters)
    for found in walked.files:
        yield _compared(found, limits)
    for folder, reason in walked.unreadable:
        yield Checked(str(folder), 0, message=f"it cannot be read: {reason}")


def _compared(found: Found, limits: Limits) -> Checked:
    name, above = str(found.path), []
    if limits.size is not None and found.size > limits.size:
        above.append("bytes")
    try:
        has = dimensions.read(found.path)
    except (dimensions.UnknownHeaderError, OSError) as error:
        needed = limits.width or limits.height
        reason = (
            f"it cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        )
        return Checked(name, found.size, above=tuple(above), message=reason if needed else None)
    above += ["width"] if limits.width and has.width > limits.width else []
    above += ["height"] if limits.height and has.height > limits.height else []
    return Checked(name, found.size, has.format, has.width, has.height, tuple(above))


def _words(one: Checked, limits: Limits) -> str:
    said = {
        "bytes": f"{one.size:,} bytes, allowed are {limits.size or 0:,}",
        "width": f"{one.width} pixels wide, allowed are {limits.width}",
        "height": f"{one.height} pixels high, allowed are {limits.height}",
    }
    parts = [said[name] for name in one.above]
    return "; ".join(parts + ([one.message] if one.message else []))


def _status(checked: list[Checked]) -> Exit:
    return Exit.SOME_FAILED if any(one.above or one.message for one in checked) else Exit.DONE


def _say_sums(checked: list[Checked], status: Exit) -> None:
    above = sum(bool(one.above) for one in checked)
    unread = sum(bool(one.message) for one in checked)
    sums = {"images": len(checked), "above": above, "unreadable": unread}
    records.say({"type": "summary"} | sums | {"exit_status": int(status)})


def _tell_sums(checked: list[Checked], limits: Limits, paths: str) -> None:
    above = sum(bool(one.above) for one in checked)
    unread = sum(bool(one.message) for one in checked)
    whole = count(len(checked), "image")
    if not checked:
        print("There is no image to check.")
    if unread:
        print(f"{unread:,} of {whole} cannot be read.")
    if above:
        sides = (("--max-width", limits.width), ("--max-height", limits.height))
        options = "".join(f" {name} {side}" for name, side in sides if side)
        print(f"{above:,} of {whole} above the limits. To make them smaller, type:")
        print(printable(f"  fluximage compress {paths} --in-place{options}"))
    elif checked and not unread:
        print(f"{whole} {'is' if len(checked) == 1 else 'are'} within the limits.")
