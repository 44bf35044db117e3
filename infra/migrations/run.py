"""Updates a database to the newest schema. The migrations are plain SQL, run by Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.rows import tuple_row

from shared.addresses import check_database_url
from shared.db.database import parameters
from shared.errors import OperatorError, UnavailableError

_HERE = Path(__file__).parent
_LOCK = 0x666C7578  # "flux"; no other program in this database may lock this number


def migrate(database_url: str, revision: str = "head") -> None:
    """Applies the missing migrations; safe to repeat, also by many processes at once.

    revision: the last migration to apply. Raises UnavailableError when Postgres cannot be
    reached, OperatorError for an invalid `database_url` and for a right that is missing. All is one
    transaction: when a migration fails, nothing is changed.
    """
    with _connected(database_url) as connection:
        # Of the transaction and not of the session: a pooler may give each transaction another
        # session, and a lock would stay in the first one.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_current(database_url: str) -> bool:
    """Whether the tables are those of this version, or newer; raises what `migrate` raises."""
    scripts = ScriptDirectory.from_config(_config())
    with _connected(database_url) as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    # A newer version's migrations only add, so this version works with them.
    return present is not None and (present == scripts.get_current_head() or present not in known)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    return config


@contextmanager
def _connected(database_url: str) -> Iterator[sqlalchemy.Connection]:
    """One transaction."""
    try:
        check_database_url(database_url)
    except ValueError as error:
        raise OperatorError(f"DATABASE_URL: {error}") from None
    # libpq reads the address, as everywhere else, since SQLAlchemy knows no second host.
    arguments = parameters(database_url) | {"autocommit": False, "row_factory": tuple_row}
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(**arguments),
        poolclass=sqlalchemy.NullPool,
    )
    try:
        with engine.begin() as connection:
            yield connection
    except sqlalchemy.exc.OperationalError as error:
        raise UnavailableError(f"The database cannot be used: {_line(error)}") from error
    except sqlalchemy.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            hint = " Its user needs the right to create tables (GRANT CREATE ON SCHEMA)."
        else:
            hint = ""
        raise OperatorError(f"The database cannot be migrated: {_line(error)}.{hint}") from error


def _line(error: sqlalchemy.exc.DBAPIError) -> str:
    diagnosis = error.orig.diag.message_primary if isinstance(error.orig, psycopg.Error) else None
    return "; ".join((diagnosis or str(error.orig)).splitlines())


def run_sql(statements: str) -> None:
    """Runs all statements of one migration; for use inside a migration."""
    # Without parameters psycopg sends a plain query, which may hold many statements.
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
