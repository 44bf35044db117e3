"""`fluximage compress PATH…`: files and folders, sent to a server and written as a tree."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fluximage.command import fields, standard_streams
from fluximage.command.check import complete_files
from fluximage.command.engine import OpenEngine, Remote
from fluximage.command.filters import Filters, Pattern, Since
from fluximage.command.job import Job, Telling
from fluximage.command.local import open_local
from fluximage.command.naming import DEFAULT, Template, TemplateType
from fluximage.command.plan import Where
from fluximage.command.profile import SERVER_HELP, find_server, server_options
from fluximage.command.screen import ScreenCommand
from fluximage.command.walk import Walked, common_folder, listed, walk
from fluximage.command.words import printable
from fluximage.options import Options

SCREEN = f"""\
  fluximage compress photos/ --out web/
  fluximage compress photos/ --format avif --max-width 1600 --out web/
  fluximage compress photos/ --in-place --backup originals/

Usage: fluximage compress [OPTIONS] PATH...
Sends images, and the images in folders, and writes the results as the same tree.
The same command again does only what is new or failed.  - is standard input.

What:
  --include, --exclude GLOB  '*.jpg', 'shoes/**'; may be repeated
  --newer-than AGE|DATE      30m, 12h, 2d, 1w, or 2026-11-01
  --files-from FILE|-        the files are listed there, one a line
How:
  --format webp|avif|jpg|png, --quality 40-100   [webp, 82]
  --max-width, --max-height PIXELS               scales down, never up
  --watermark FILE.png, --watermark-scale 5-50, --watermark-opacity 0-100,
  --watermark-position TL|TC|TR|ML|MC|MR|BL|BC|BR
  --alt-text, --rename       texts by AI, guided by
  --language NAME, --context TEXT, --keywords TEXT
Where:
  --out DIR                  else beside the originals
  --name TEMPLATE            ['{DEFAULT}'], also {{width}} {{height}} {{format}}
  --overwrite                replace files that exist
  --in-place, --backup DIR   replace originals by smaller ones, of the same format
  --manifest FILE.csv|.json  old and new paths, sizes, alt texts  [in --out]
  --failed-list FILE         what failed, for --files-from
Run:
  --dry-run                  only say what would be sent, and whether the plan has it
  --quiet, --json            only failures; a line of JSON for each file
  --session NAME, --webhook-url URL
Server:
  --local               no server: this machine does the work  [full install]
{SERVER_HELP}

Exit status: 0 all done, 1 failed, 2 usage, 3 some images failed, 4 key or plan,
5 temporary, 130 interrupted.
"""

F = TypeVar("F", bound=Callable[..., Any])
OF_A_SERVER = ("alt_text", "rename", "session_id", "webhook_url", "url", "key_file", "profile")
_DIR = click.Path(file_okay=False, path_type=Path)
_TO = click.Path(dir_okay=False, path_type=Path)


_RUN_OPTIONS = (
    click.option("--include", multiple=True, type=Pattern()),
    click.option("--exclude", multiple=True, type=Pattern()),
    fields.image_options,
    click.option("--out", type=_DIR),
    click.option("--name", "template", type=TemplateType(), default=Template()),
    click.option("--overwrite", is_flag=True),
    click.option("--in-place", is_flag=True),
    click.option("--backup", type=_DIR),
    click.option("--manifest", "manifests", multiple=True, type=_TO),
    click.option("--failed-list", type=_TO),
    click.option("--local", is_flag=True),
    click.option("--quiet", "-q", is_flag=True),
    click.option("--json", "as_json", is_flag=True),
    server_options,
)


def run_options(command: F) -> F:
    """The options of a run, which `watch` has too."""
    for option in reversed(_RUN_OPTIONS):
        command = option(command)
    return command


@click.command(
    "compress",
    cls=ScreenCommand,
    screen=SCREEN,
    short_help="Make images smaller, whole folders too.",
)
@click.argument("paths", nargs=-1, metavar="PATH...", shell_complete=complete_files)
@click.option("--newer-than", type=Since())
@click.option("--files-from", type=click.File("rb"))
@click.option("--dry-run", "only_say", is_flag=True)
@run_options
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Make images smaller."""
    options = fields.options_of(given)
    if paths == ("-",):
        _one_image(options, given)
        return
    where = where_of(given)
    walked = _walk(paths, where, given)
    telling = telling_of(given)
    job = Job(walked, where, options, given["file_format"] or "webp", telling)
    if given["only_say"]:
        status = job.say(engine_of(given))
    else:
        status = job.run(engine_of(given), given["session_id"])
    click.get_current_context().exit(status)


def where_of(given: dict[str, Any]) -> Where:
    """Where results go; raises click.UsageError for options that do not go together."""
    in_place, out, backup = given["in_place"], given["out"], given["backup"]
    for other, typed in (
        (out, "--out"),
        (given["file_format"], "--format"),
        (given["rename"], "--rename"),
        (given["template"] != Template(), "--name"),
    ):
        if in_place and other:
            raise click.UsageError(f"--in-place keeps name, folder and format; leave out {typed}.")
    if backup and not in_place:
        raise click.UsageError("--backup keeps what --in-place replaces; type --in-place, too.")
    template = given["template"]
    return Where(out, template, given["overwrite"], in_place, backup, given["rename"])


def telling_of(given: dict[str, Any]) -> Telling:
    """How the run tells of itself."""
    return Telling(given["quiet"], given["as_json"], given["manifests"], given["failed_list"])


def _walk(paths: Sequence[str], where: Where, given: dict[str, Any]) -> Walked:
    """What was named, by PATH or by a list; raises click.UsageError where it is not there."""
    if "-" in paths:
        raise click.UsageError("- is one image from standard input, and stands alone.")
    named = [Path(path) for path in paths]
    listing = given["files_from"]
    files = list(listed(listing.read())) if listing else None
    if not named and files is None:
        raise click.UsageError("Nothing to compress; type: fluximage compress photos/ --out web/")
    for path in (*named, *(files or ())):
        if not path.exists():
            raise click.UsageError(f"{printable(str(path))} does not exist.")
    filters = Filters(given["include"], given["exclude"], given["newer_than"])
    without = [folder for folder in (where.out, where.backup) if folder]
    if files is None:
        return walk(named, filters, without=without)
    return walk(files, filters, without=without, base=_base_of(named, files))


def _base_of(named: Sequence[Path], files: Sequence[Path]) -> Path:
    """The folder whose tree is kept for a list: of PATH, else the present one if it holds all."""
    base = common_folder(named) if named else Path.cwd()
    inside = all(Path(os.path.abspath(path)).is_relative_to(base) for path in files)
    if named and not inside:
        raise click.UsageError(f"--files-from names files outside of {printable(str(base))}.")
    return base if inside else common_folder(files)


def engine_of(given: dict[str, Any]) -> OpenEngine:
    """What opens the engine; raises click.UsageError for what --local does not go with."""
    if given["local"]:
        for name in OF_A_SERVER:
            if given[name]:
                typed = f"--{name.replace('_', '-').removesuffix('-id')}"
                raise click.UsageError(f"{typed} needs a server; leave it or --local out.")
        return lambda _: open_local()
    return lambda on_retry: Remote(
        find_server(given["url"], given["key_file"], given["profile"]), on_retry
    )


def _one_image(options: Options, given: dict[str, Any]) -> None:
    for name in (
        "out",
        "in_place",
        "backup",
        "files_from",
        "as_json",
        "manifests",
        "failed_list",
        "only_say",
    ):
        if given[name]:
            typed = {"as_json": "--json", "manifests": "--manifest", "only_say": "--dry-run"}.get(
                name
            )
            raise click.UsageError(f"{typed or '--' + name.replace('_', '-')} does not go with -.")
    source = standard_streams.read_image()
    engine = engine_of(given)(None)
    try:
        made = fields.with_format(options, given["file_format"])
        standard_streams.compress(engine, source, made, given["session_id"], quiet=given["quiet"])
    finally:
        engine.close()
