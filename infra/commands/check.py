"""`fluximage check`: whether the servers of the environment work and are set up safely."""

import sys

import click

from infra.commands import server_settings
from infra.commands.options import warn_of_strangers
from infra.commands.server_settings import Finding, Level
from infra.migrations.run import is_current
from shared.errors import UnavailableError
from shared.settings import load


@click.command("check")
def command() -> None:
    """Use every server as the service does, and say what fails or is unsafe and what to do.

    Exit code 1 when anything fails, is unsafe or cannot be known. Nothing is changed.
    """
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
