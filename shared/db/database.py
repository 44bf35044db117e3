"""Postgres: one pool per process, short transactions, outages told apart from mistakes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.errors import DatabaseDownError

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Connection = psycopg.Connection[Row]

# A server that hangs must not block us for ever. Each of these ends in an OperationalError, which
# becomes DatabaseDownError here; our statements take milliseconds.
_PARAMETERS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "row_factory": dict_row,
    "autocommit": True,  # BEGIN is ours, see _BEGIN
    # A pooler such as PgBouncer may give each transaction another connection to the server, which
    # does not know what was prepared on the one before.
    "prepare_threshold": None,
}
# For the same reason the limits hold for one transaction, and are no options of the connection,
# which a pooler refuses. One round trip.
_BEGIN = """
BEGIN; SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '10s';
SET LOCAL idle_in_transaction_session_timeout = '60s'
"""
# Faults of a statement or of its values, by the first characters of their SQLSTATE: bad data, a
# broken constraint, an exception raised by a trigger, a syntax error. They are bugs, and must not
# look like an outage. Whatever else the server answers is the fault of its state: a restart, a
# full disk, a standby, a right or a table that is missing.
_BUGS = ("22", "23", "P0", "42601")


def parameters(url: str) -> dict[str, Any]:
    """Arguments of `psycopg.connect` for each connection to the database at `url`."""
    given = conninfo_to_dict(url)
    several = "," in f"{given.get('host', '')}{given.get('hostaddr', '')}"
    # Of several hosts, the others are standbys, which refuse to write.
    writable = {"target_session_attrs": "read-write"} if several else {}
    return {"conninfo": url} | writable | _without(given, _PARAMETERS)


def _without(given: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in ours.items() if name not in given}


def is_outage(error: psycopg.Error) -> bool:
    """Whether the server, or the way to it, is at fault, and not a statement or its values."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return True
    return error.sqlstate is not None and not error.sqlstate.startswith(_BUGS)


class Database:
    """A pool of connections; safe for threads and greenlets, not across a fork."""

    def __init__(self, url: str, *, max_connections: int = 8) -> None:
        """Opens nothing before the first use."""
        arguments = parameters(url)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            arguments.pop("conninfo"),
            min_size=1,
            max_size=max_connections,
            timeout=5.0,  # how long a request may wait for a connection, seconds
            kwargs=arguments,
            # After a restart of the server the pool holds dead connections, which this finds.
            check=_begin,
            open=False,
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back when the block raises.

        Raises DatabaseDownError when Postgres is down, full or read-only, or the connection is
        lost. If it is lost during the commit, the transaction may be committed nevertheless.
        """
        try:
            self._pool.open()
            with self._pool.connection() as connection, _left_if_read_only(connection):
                yield connection
        except psycopg.Error as error:
            if not is_outage(error):
                raise
            if not isinstance(error, PoolTimeout):  # which psycopg's pool would log each second
                logger.warning("the database failed: %s", _reason(error))
            raise DatabaseDownError from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read-only transaction in which every statement sees the same moment."""
        with self.transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    def ping(self) -> None:
        """Raises DatabaseDownError when Postgres does not answer."""
        with self.transaction() as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        """Closes every connection."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _begin(connection: Connection) -> None:
    """Begins the transaction of a connection that the pool gives out, which its exit ends."""
    connection.execute(_BEGIN)


@contextmanager
def _left_if_read_only(connection: Connection) -> Iterator[None]:
    """Closes a connection to a server that became a standby, so that the next finds its heir."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.close()
        raise


def _reason(error: psycopg.Error) -> str:
    """One line. Not the server's DETAIL, which quotes rows."""
    return "; ".join((error.diag.message_primary or str(error)).splitlines())


def one(row: Row | None) -> Row:
    """The row of a statement that always returns one; raises LookupError if it did not."""
    if row is None:
        raise LookupError("a row that must be there is not")
    return row
