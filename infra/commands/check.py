"""`fluximage check`: whether the servers of the environment work and are set up safely.

With PATH it is the client's command of that name, which checks images.
"""

import sys
from typing import Any

import click

from fluximage.command import check as images
from fluximage.command.screen import ScreenCommand
from infra.commands import server_settings
from infra.commands.options import warn_of_strangers
from infra.commands.server_settings import Finding, Level
from infra.migrations.run import is_current
from shared.errors import UnavailableError
from shared.settings import load

SCREEN = f"""\
{images.SCREEN}
Without PATH and options, `fluximage check` is for the operator: it uses every server of the
environment as the service does, and says what fails or is unsafe and what to do. Exit
status 1 when anything fails, is unsafe or cannot be known. Nothing is changed.
"""


@click.command(
    "check",
    cls=ScreenCommand,
    screen=SCREEN,
    params=images.command.params,
    short_help="The servers' settings; with PATH, images (CI).",
)
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Check images, or the servers."""
    if any(given.values()):
        ctx.invoke(images.command, **given)
    else:
        _check_servers()


def _check_servers() -> None:
    settings = load()
    warn_of_strangers()
    found = server_settings.warn(settings, _tables(settings.database_url.get_secret_value()))
    if found:
        sys.exit(1)
    print("Nothing unsafe was found in the settings of the servers.")


def _tables(database_url: str) -> list[Finding]:
    try:
        if is_current(database_url):
            return []
    except UnavailableError:
        return []  # which the findings on Postgres say
    text = "The tables of this version are not in Postgres. Run `fluximage migrate`."
    return [Finding(Level.FAILED, text)]
