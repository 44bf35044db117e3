"""What several commands share: options, and the database that they work on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from infra.embedded import database_url
from infra.migrations.run import migrate
from shared import settings
from shared.addresses import check_database_url
from shared.db.database import Database
from shared.errors import OperatorError

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".fluximage"),
    show_default=True,
    help="Directory of the embedded servers' data. Commands on accounts use DATABASE_URL instead if"
    " it is set.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


def given_database_url() -> str | None:
    """DATABASE_URL, or what DATABASE_URL_FILE holds; None when neither is set."""
    return settings.with_secrets(os.environ).get("DATABASE_URL")


def warn_of_strangers() -> None:
    """Say which names of the environment look like ours and are not."""
    for sentence in settings.strangers(os.environ):
        print(f"fluximage: {sentence}", file=sys.stderr)


@contextmanager
def open_database(data_dir: Path) -> Iterator[Database]:
    """The database of the environment, else that of the embedded stack, running or not."""
    if given := given_database_url():
        try:
            check_database_url(given)
        except ValueError as error:
            raise OperatorError(f"DATABASE_URL: {error}") from None
        with Database(given, max_connections=1) as database:
            yield database
        return
    with database_url(data_dir) as url:
        migrate(url)  # a stack of an older version may have been stopped here
        with Database(url, max_connections=1) as database:
            yield database
