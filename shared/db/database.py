"""Postgres: one pool per process, short transactions, outages told apart from mistakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.errors import UnavailableError

Row = dict[str, Any]

# A server that hangs must not block us for ever. Each of these ends in an OperationalError, which
# becomes UnavailableError here; our statements take milliseconds.
_TIMEOUTS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c statement_timeout=30s -c lock_timeout=10s"
    " -c idle_in_transaction_session_timeout=60s",
}
_OUTAGES = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    PoolTimeout,
)
Connection = psycopg.Connection[Row]


class Database:
    """A pool of connections; safe for threads and greenlets, not across a fork."""

    def __init__(self, url: str, *, max_connections: int = 8) -> None:
        """Opens nothing before the first use."""
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=max_connections,
            timeout=5.0,  # how long a request may wait for a connection, seconds
            kwargs={"row_factory": dict_row, "autocommit": True} | _TIMEOUTS,
            # After a restart of the server the pool holds dead connections.
            check=ConnectionPool.check_connection,
            open=False,
        )

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection for single statements, each its own transaction and one round trip.

        Raises what `transaction` raises.
        """
        try:
            self._pool.open()
            with self._pool.connection() as connection:
                yield connection
        except _OUTAGES as error:
            raise UnavailableError("The database is not available, try again shortly") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back when the block raises.

        Raises UnavailableError when Postgres is down or full, or the connection is lost. If it is
        lost during the commit, the transaction may be committed nevertheless.
        """
        with self.autocommit() as connection, connection.transaction():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read-only transaction in which every statement sees the same moment."""
        with self.transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    def ping(self) -> None:
        """Raises UnavailableError when Postgres does not answer."""
        with self.autocommit() as connection:
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


def one(row: Row | None) -> Row:
    """The row of a statement that always returns one; raises LookupError if it did not."""
    if row is None:
        raise LookupError("a row that must be there is not")
    return row
