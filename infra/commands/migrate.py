"""`fluximage migrate`: the tables and the bucket."""

import time

import click

from infra.commands import server_settings
from infra.commands.options import warn_of_strangers
from infra.commands.server_checks import check_servers, reason
from infra.migrations.run import migrate
from shared.clients.object_store import S3Store
from shared.errors import OperatorError, StoreError
from shared.settings import Settings, load

RETRY_SECONDS = 1.0


@click.command("migrate")
@click.option(
    "--wait-seconds",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="How long servers that cannot be used yet, since they are starting, are tried again.",
)
def command(wait_seconds: int) -> None:
    """Create or update the tables in DATABASE_URL and the bucket. Safe to repeat."""
    settings = load()
    warn_of_strangers()
    if wait_seconds:
        _await_servers(settings, wait_seconds)
    try:
        S3Store(settings).prepare()
    except StoreError as error:
        raise OperatorError(f"The bucket cannot be used or created: {reason(error)}.") from error
    server_settings.warn(settings)
    migrate(settings.database_url.get_secret_value())


def _await_servers(settings: Settings, seconds: int) -> None:
    """Returns when every server can be used; after that time, raises what is wrong with one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            check_servers(settings)
        except OperatorError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return
