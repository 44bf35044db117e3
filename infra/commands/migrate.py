"""`fluximage migrate`: the tables and the bucket."""

import click

from infra.commands import server_settings
from infra.commands.options import warn_of_strangers
from infra.migrations.run import migrate
from shared.clients.object_store import S3Store
from shared.settings import load


@click.command("migrate")
def command() -> None:
    """Create or update the tables in DATABASE_URL and the bucket. Safe to repeat."""
    settings = load()
    warn_of_strangers()
    S3Store(settings).prepare()
    server_settings.warn(settings)
    migrate(settings.database_url.get_secret_value())
