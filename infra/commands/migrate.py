"""`fluximage migrate`: the tables and the bucket."""

import click

from infra.commands import server_settings
from infra.commands.server_checks import reason
from infra.migrations.run import migrate
from shared.clients.object_store import S3Store
from shared.errors import OperatorError, StoreError
from shared.settings import load


@click.command("migrate")
def command() -> None:
    """Create or update the tables in DATABASE_URL and the bucket. Safe to repeat."""
    settings = load()
    try:
        S3Store(settings).prepare()
    except StoreError as error:
        raise OperatorError(f"The bucket cannot be created: {reason(error)}.") from error
    server_settings.warn(settings)
    migrate(settings.database_url.get_secret_value())
