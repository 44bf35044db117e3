"""`fluximage check`: whether the servers of the environment are set up safely."""

import sys

import click

from infra.commands import server_settings
from infra.commands.options import warn_of_strangers
from infra.commands.server_checks import check_servers
from infra.commands.server_settings import Level
from shared.settings import load


@click.command("check")
def command() -> None:
    """Say what is unsafe in the settings of the servers, and how to correct it.

    Exit code 1 when something is unsafe, or when a server cannot be used.
    """
    settings = load()
    warn_of_strangers()
    check_servers(settings)
    if any(finding.level is not Level.UNKNOWN for finding in server_settings.warn(settings)):
        sys.exit(1)
    print("Nothing unsafe was found in the settings of the servers.")
