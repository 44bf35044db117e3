"""Updates a database to the newest schema. The migrations are plain SQL, run by Alembic."""

from pathlib import Path

import sqlalchemy
from alembic import command, op
from alembic.config import Config

from shared.errors import OperatorError, UnavailableError

_HERE = Path(__file__).parent
_LOCK = 0x666C7578  # "flux"; no other program in this database may lock this number


def migrate(database_url: str, revision: str = "head") -> None:
    """Applies the missing migrations; safe to repeat, also by many processes at once.

    revision: the last migration to apply. Raises UnavailableError when Postgres cannot be
    reached, OperatorError for an invalid `database_url`. A migration that fails is rolled back
    completely.
    """
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    try:
        url = sqlalchemy.make_url(database_url).set(drivername="postgresql+psycopg")
    except (sqlalchemy.exc.ArgumentError, ValueError):  # ValueError: the port is not a number
        raise OperatorError(
            "DATABASE_URL is not a database address. It must look like postgresql://user@host/name."
        ) from None
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(
                f"SELECT pg_advisory_lock({_LOCK})"
            )  # released when we disconnect
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
    except sqlalchemy.exc.OperationalError as error:
        raise UnavailableError(f"The database cannot be migrated: {error.orig}") from error


def run_sql(statements: str) -> None:
    """Runs all statements of one migration; for use inside a migration."""
    # Without parameters psycopg sends a plain query, which may hold many statements.
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
