"""`fluximage sessions`: what the server holds for this account."""

import sys
from itertools import islice
from pathlib import Path
from typing import Unpack

import click

from fluximage.answers import Notice, Progress, SessionPage
from fluximage.client import Client
from fluximage.command import records, session_download
from fluximage.command.connection import ServerFlags, connected
from fluximage.command.display import Display
from fluximage.command.exits import Exit
from fluximage.command.fields import session_name
from fluximage.command.outcome import Totals
from fluximage.command.profile import SERVER_HELP, server_options
from fluximage.command.run import interruptible
from fluximage.command.screen import ScreenCommand, ScreenGroup
from fluximage.command.words import count, printable

SCREEN = """\
  fluximage sessions list
  fluximage sessions watch spring-sale
  fluximage sessions download spring-sale --out web/

Usage: fluximage sessions COMMAND [OPTIONS]
A session gathers what was sent under one name; its results are kept for a day, or as the
server says.

  list       the sessions of this account, the newest first
  show       one session: its images, and what failed
  watch      each image as it ends, until the last
  download   the results, as a tree of files or as one ZIP
  retry      what failed, or got no text, once more
  cancel     what has not ended; every result is kept
  delete     the results; asks first

Each has --help.
"""


def screen(verb: str, first: str, more: tuple[str, str], does: str, options: str = "") -> str:
    """The help of a verb: three examples, what it does, its options."""
    examples = "".join(
        f"  fluximage sessions {verb} {one}".rstrip() + "\n" for one in (first, *more)
    )
    usage = f"Usage: fluximage sessions {verb} [OPTIONS]{'' if verb == 'list' else ' SESSION'}"
    return f"{examples}\n{usage}\n{does}\n\n{options}{SERVER_HELP}\n"


JSON_HELP = "  --json                lines of JSON; docs/command-line.md has the fields\n"
as_json_option = click.option("--json", "as_json", is_flag=True)
session_argument = click.argument("session_id", metavar="SESSION", callback=session_name)


@click.group(
    "sessions",
    cls=ScreenGroup,
    screen=SCREEN,
    short_help="What the server holds: list, download, delete …",
)
def group() -> None:
    """What the server holds."""


@group.command(
    "list",
    cls=ScreenCommand,
    screen=screen(
        "list",
        "",
        ("--limit 100", "--json"),
        "Lists the sessions of this account, the newest first.",
        f"  --limit NUMBER        [20]\n{JSON_HELP}",
    ),
)
@click.option("--limit", type=click.IntRange(min=1), default=20)
@as_json_option
@server_options
def list_(limit: int, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """List sessions."""
    with connected(flags) as client:
        found = list(islice(client.sessions(), limit + 1))
    for one in found[:limit]:
        if as_json:
            records.say(records.session_record(one))
        else:
            words = (one.status, *records.progress_words(one.progress))
            told = f"{records.local_time(one.created_at)}  {one.session_id}  {', '.join(words)}"
            print(printable(told))
    if len(found) > limit:
        print(f"fluximage: There are more; type --limit {limit * 10}.", file=sys.stderr)
    elif not found and not as_json:
        print("There is no session.")


@group.command(
    "show",
    cls=ScreenCommand,
    screen=screen(
        "show",
        "spring-sale",
        ("spring-sale --json", "spring-sale --profile staging"),
        "Tells what has ended: each image, each failure, the warnings, and the sums.",
        JSON_HELP,
    ),
)
@session_argument
@as_json_option
@server_options
def show(session_id: str, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Show one session."""
    display = Display(session_id, Totals(), quiet=False, as_json=False, live=False)
    with connected(flags) as client:
        warnings: dict[Notice, None] = {}
        for page in client.pages(session_id):
            warnings |= dict.fromkeys(page.warnings)
            _tell_ended(page, display, as_json=as_json)
    if as_json:
        records.say(records.session_record(page, tuple(warnings)))
        return
    for warning in warnings:
        print(printable(f"warning  {warning.message}"))
    _tell_sums(page)


def _tell_ended(page: SessionPage, display: Display, *, as_json: bool) -> None:
    for image in page.images:
        if as_json:
            records.say(records.image_record(image))
        else:
            display.outcome(records.image_outcome(image), 1)
    for failure in page.errors:
        if as_json:
            records.say(records.failure_record(failure))
        else:
            display.outcome(records.failure_outcome(failure), 1)


def _tell_sums(page: SessionPage) -> None:
    words = (page.status, *records.progress_words(page.progress))
    print(printable(f"{page.session_id}: {', '.join(words)}"))


@group.command(
    "watch",
    cls=ScreenCommand,
    screen=screen(
        "watch",
        "spring-sale",
        ("spring-sale --json", "spring-sale --quiet && echo done"),
        "Tells of each image as it ends, from the first on, until the session has ended.\n"
        "Status 3: some images failed or were cancelled. Ctrl-C stops the watching alone.",
        f"  --quiet               only failures\n{JSON_HELP}",
    ),
)
@session_argument
@click.option("--quiet", "-q", is_flag=True)
@as_json_option
@server_options
def watch(session_id: str, quiet: bool, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Follow one session."""
    with connected(flags) as client:
        progress = client.session(session_id, limit=1).progress
    totals = Totals(expected=progress.total, expected_bytes=progress.total)
    display = Display(session_id, totals, quiet=quiet, as_json=as_json, records=False)
    try:
        with connected(flags, retry_seconds=300) as client, interruptible():
            display.start()
            _follow(client, session_id, display, as_json=as_json)
            page = client.session(session_id, limit=1)
    except KeyboardInterrupt:
        display.stop()
        display.note(
            f"The session goes on; to end it, type: fluximage sessions cancel {session_id}"
        )
        raise
    finally:
        display.stop()
    if as_json:
        records.say(records.session_record(page))
    elif not quiet:
        _tell_sums(page)
    click.get_current_context().exit(_status(page.progress))


def _follow(client: Client, session_id: str, display: Display, *, as_json: bool) -> None:
    for event in client.events(session_id):
        if event.image:
            if as_json:
                records.say(records.image_record(event.image))
            display.outcome(records.image_outcome(event.image), 1)
        if event.error:
            if as_json:
                records.say(records.failure_record(event.error))
            display.outcome(records.failure_outcome(event.error), 1)


def _status(progress: Progress) -> Exit:
    return Exit.SOME_FAILED if progress.failed or progress.cancelled else Exit.DONE


@group.command(
    "download",
    cls=ScreenCommand,
    screen=screen(
        "download",
        "spring-sale",
        ("spring-sale --out web/", "spring-sale --archive spring-sale.zip"),
        "Saves the finished images in the folders in which they were sent, or as one ZIP.\n"
        "Nothing is replaced; the same command again fetches what is missing. Status 3: some\n"
        "could not be saved, 5: the session has not ended, and what has ended is saved.",
        "  --out DIR             [a folder with the name of the session]\n"
        "  --archive FILE.zip    one ZIP with a manifest instead\n"
        "  --quiet               only failures\n"
        f"{JSON_HELP}",
    ),
)
@session_argument
@click.option("--out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--archive", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--quiet", "-q", is_flag=True)
@as_json_option
@server_options
def download(
    session_id: str,
    out: Path | None,
    archive: Path | None,
    quiet: bool,
    as_json: bool,
    **flags: Unpack[ServerFlags],
) -> None:
    """Save results."""
    if out and archive:
        raise click.UsageError("--archive is one file and --out a tree; type one of them.")
    with connected(flags) as client:
        page = client.session(session_id, limit=1)
    totals = Totals(page.progress.completed, page.progress.compressed_bytes)
    display = Display(session_id, totals, quiet=quiet, as_json=as_json)
    with connected(flags, retry_seconds=300) as client, interruptible():
        if archive:
            status = session_download.as_archive(client, page, archive, display)
        else:
            status = session_download.as_files(client, page, out or Path(session_id), display)
    click.get_current_context().exit(status)


@group.command(
    "retry",
    cls=ScreenCommand,
    screen=screen(
        "retry",
        "spring-sale",
        ("spring-sale --json", "spring-sale && fluximage sessions watch spring-sale"),
        "Sends what another run can help once more: images that the service failed at, and\n"
        "those that got no text. A new image costs as the first did; a text alone, a credit.",
        JSON_HELP,
    ),
)
@session_argument
@as_json_option
@server_options
def retry(session_id: str, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Try again."""
    with connected(flags) as client:
        page = client.retry(session_id)
    if as_json:
        records.say(records.session_record(page) | {"retried": page.retried})
    elif page.retried:
        print(f"{count(page.retried, 'image is', 'images are')} made again.")
    else:
        print("There is nothing that another run could help.")


@group.command(
    "cancel",
    cls=ScreenCommand,
    screen=screen(
        "cancel",
        "spring-sale",
        ("spring-sale --json", "spring-sale --profile staging"),
        "Cancels what has not ended; that costs nothing. Every result is kept.",
        JSON_HELP,
    ),
)
@session_argument
@as_json_option
@server_options
def cancel(session_id: str, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Cancel one session."""
    with connected(flags) as client:
        page = client.cancel(session_id)
    if as_json:
        records.say(records.session_record(page))
    else:
        _tell_sums(page)


@group.command(
    "delete",
    cls=ScreenCommand,
    screen=screen(
        "delete",
        "spring-sale",
        ("spring-sale --yes", "spring-sale --yes --json"),
        "Cancels what has not ended and deletes every result on the server. There is no way\n"
        "back, and the name cannot be used again. Files on this machine stay.",
        f"  --yes                 do not ask\n{JSON_HELP}",
    ),
)
@session_argument
@click.option("--yes", is_flag=True)
@as_json_option
@server_options
def delete(session_id: str, yes: bool, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Delete one session."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; type --yes to delete.")
    with connected(flags) as client:
        if not yes:
            page = client.session(session_id, limit=1)
            results = count(page.progress.completed, "result")
            click.confirm(f"Delete {session_id} and its {results} on the server?", abort=True)
        page = client.delete(session_id)
    if as_json:
        records.say(records.session_record(page))
    else:
        print(f"{session_id} is deleted.")
