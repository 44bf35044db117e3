"""A command of the client: a help that fits a screen, and errors that end in an exit status."""

import sys
from contextlib import suppress
from typing import Any

import click

from fluximage import errors
from fluximage.command.exits import CommandError, Exit
from fluximage.command.words import printable

# The first that fits counts.
STATUSES: tuple[tuple[type[errors.FluximageError], Exit], ...] = (
    (errors.Unauthorized, Exit.REFUSED),
    (errors.PlanError, Exit.REFUSED),
    (errors.ConfigurationError, Exit.USAGE),
    (errors.Temporary, Exit.TEMPORARY),
)


def prepare_streams() -> None:
    """From now on a character that a stream cannot write becomes a `?`, and no error."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a TextIOWrapper, or a test's own


def status_of(error: BaseException) -> Exit:
    """The exit status that an error leads to."""
    if isinstance(error, CommandError):
        return error.status
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    return next((status for kind, status in STATUSES if isinstance(error, kind)), Exit.FAILED)


class Screen(click.Command):
    """A command whose help is `screen`, written by hand: examples first, then the options."""

    def __init__(self, *arguments: Any, screen: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.screen = screen

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The screen, as it stands."""
        formatter.write(self.screen)


class ScreenGroup(Screen, click.Group):
    """Several verbs on one noun."""


class ScreenCommand(Screen):
    """A command whose errors end in a sentence and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours is a sentence and an exit status."""
        prepare_streams()
        try:
            return super().invoke(ctx)
        except (CommandError, errors.FluximageError) as error:
            print(f"fluximage: {sentence_of(error)}", file=sys.stderr)
            ctx.exit(status_of(error))
        except KeyboardInterrupt:
            print("fluximage: Stopped.", file=sys.stderr)
            ctx.exit(Exit.INTERRUPTED)


def sentence_of(error: CommandError | errors.FluximageError) -> str:
    """What a person is told of an error, and what to do."""
    lines = [printable(line) for line in error.message.splitlines()]
    if isinstance(error, errors.Unauthorized):
        lines.append("The server does not know this key: check FLUXIMAGE_API_KEY, or the profile.")
    request_id = getattr(error, "request_id", None)
    if request_id and status_of(error) is Exit.FAILED:
        lines.append(f"(request {printable(request_id)})")
    return "\n".join(lines)
