"""`fluximage compress -`: one image from standard input to standard output."""

import io
import sys

import click

from fluximage.command.engine import Engine
from fluximage.command.exits import CommandError, Exit
from fluximage.command.header import type_of
from fluximage.command.words import change, printable, size
from fluximage.options import Options
from fluximage.results import Done, Failed
from fluximage.sources import Source
from fluximage.upload import MAX_FILE_BYTES


def read_image() -> Source:
    """The image on standard input."""
    if sys.stdin.isatty():
        raise click.UsageError(
            "Standard input is a terminal; type: fluximage compress - <in.jpg >out.webp"
        )
    if sys.stdout.isatty():
        raise click.UsageError(
            "Standard output is a terminal; type: fluximage compress - <in.jpg >out.webp"
        )
    content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if not content or len(content) > MAX_FILE_BYTES:
        came = "nothing" if not content else "more"
        raise CommandError(
            f"Standard input must be an image of at most {MAX_FILE_BYTES:,} bytes; {came} came."
        )
    return Source(content, f"image.{type_of(content[:64]) or 'bin'}")


def compress(
    engine: Engine, source: Source, options: Options, session_id: str | None, *, quiet: bool
) -> None:
    """Send one image and write its result, whole, to standard output."""
    results = engine.compress(
        [source], options, session_id=session_id, journal=None, on_upload=lambda _: None
    )
    for result in results:
        if isinstance(result, Failed):
            message = result.message.replace(source.name, "Standard input")
            raise CommandError(printable(message), Exit.SOME_FAILED)
        _write(engine, result)
        image = result.image
        if not quiet:
            before, after = image.original_size, image.compressed_size
            for warning in result.warnings:
                print(f"fluximage: {printable(warning.message)}", file=sys.stderr)
            print(
                f"fluximage: {size(before)} → {size(after)} ({change(before, after)})",
                file=sys.stderr,
            )


def _write(engine: Engine, done: Done) -> None:
    whole = io.BytesIO()  # a reader gets nothing of a result that breaks off
    engine.save(done, whole)
    sys.stdout.buffer.write(whole.getbuffer())
    sys.stdout.buffer.flush()
