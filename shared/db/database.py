"""Postgres: one pool per process, short transactions, outages told apart from mistakes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import Params
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.errors import DatabaseDownError

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Connection = psycopg.Connection[Row]
Found = TypeVar("Found")
Execute = Callable[[str, Params], list[Row]]

# A condition of a statement in a transaction of its own: as `durable=False` of `transaction`.
NOT_DURABLE = "(SELECT set_config('synchronous_commit', 'off', true)) = 'off'"

# A server that hangs must not block us for ever. Each of these ends in an OperationalError, which
# becomes DatabaseDownError here; our statements take milliseconds.
_PARAMETERS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "row_factory": dict_row,
    "autocommit": True,  # BEGIN is ours, see `transaction`
    "prepare_threshold": None,  # see `_configure`
}
_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
# A pooler such as PgBouncer may give each transaction another connection to the server. So the
# limits hold for one transaction there, and are no options of the connection, which it refuses.
_LIMITS_OF_TRANSACTION = [f"SET LOCAL {name} = '{value}'" for name, value in _LIMITS.items()]
# A plan is kept with its prepared statement. One that was made while its tables were small would
# read them whole when they have grown; and compiling one takes longer than to run it.
_SESSION = {**_LIMITS, "enable_seqscan": "off", "jit": "off"}
_USES_BEFORE_PREPARED = 2
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
            configure=_configure,
            open=False,
        )

    @contextmanager
    def transaction(self, *, durable: bool = True, lock: str | None = None) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back when the block raises.

        lock: a statement without values that locks rows, sent in the round trip that begins.

        durable: False where a crash of the server may undo it within a second after the commit,
        as what is lost comes back by itself; the commit does not wait for the disk then.
        Raises DatabaseDownError when Postgres is down, full or read-only, or the connection is
        lost. If it is lost during the commit, the transaction may be committed nevertheless.
        """
        mode = None if durable else "SET LOCAL synchronous_commit = off"
        with _outages(), self._begun(*filter(None, [mode, lock])) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A read-only transaction in which every statement sees the same moment."""
        mode = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        with _outages(), self._begun(mode) as connection:
            yield connection

    def execute(self, statement: str, values: Params | None = None) -> list[Row]:
        """One statement in a transaction of its own; returns its rows, if it has any.

        A single round trip without a pooler. Raises DatabaseDownError like `transaction`.
        """
        with _outages():
            connection = self._take()
            if not _is_direct(connection):
                self._pool.putconn(connection)
                with self._begun() as begun:
                    return _rows(begun.execute(statement, values))
            try:
                with _left_if_useless(connection):
                    return _rows(connection.execute(statement, values))
            finally:
                self._pool.putconn(connection)

    @contextmanager
    def _begun(self, *modes: str) -> Iterator[Connection]:
        connection = self._take_begun(*modes)
        try:
            with _left_if_useless(connection), connection:
                yield connection
        finally:
            self._pool.putconn(connection)

    def _take_begun(self, *modes: str) -> Connection:
        """A connection in a new transaction, by which one that died in silence is found too."""
        tries_left = self._pool.max_size
        while True:
            connection = self._take()
            try:
                with _left_if_useless(connection):
                    _begin(connection, *modes)
            except BaseException:
                _roll_back(connection)
                was_dead = connection.closed
                self._pool.putconn(connection)
                if not was_dead or not tries_left:
                    raise
                tries_left -= 1
            else:
                return connection

    def _take(self) -> Connection:
        """A connection that lives. After a restart of the server the pool holds dead ones."""
        self._pool.open()
        while _is_lost(connection := self._pool.getconn()):
            connection.close()
            self._pool.putconn(connection)
        return connection

    def ping(self) -> None:
        """Raises DatabaseDownError when Postgres does not answer."""
        self.execute("SELECT 1")

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


def _configure(connection: Connection) -> None:
    """Prepares statements, and sets the limits once, where we speak to the server itself.

    A pooler answers a process id of its own when a connection begins.
    """
    row = one(connection.execute("SELECT pg_backend_pid() AS pid").fetchone())
    if row["pid"] != connection.info.backend_pid:
        return
    connection.prepare_threshold = _USES_BEFORE_PREPARED
    settings = "; ".join(f"SET {name} = '{value}'" for name, value in _SESSION.items())
    connection.execute(settings, prepare=False)


def _is_lost(connection: Connection) -> bool:
    """Whether the server has ended the connection, by what has arrived; no round trip."""
    try:
        for _ in range(2):  # what it says of that, and then the end itself
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False


def _rows(cursor: psycopg.Cursor[Row]) -> list[Row]:
    result = cursor.pgresult
    return cursor.fetchall() if result and result.status == ExecStatus.TUPLES_OK else []


def _is_direct(connection: Connection) -> bool:
    return connection.prepare_threshold is not None


def _begin(connection: Connection, *modes: str) -> None:
    """One round trip."""
    limits = [] if _is_direct(connection) else _LIMITS_OF_TRANSACTION
    connection.execute("; ".join(["BEGIN", *limits, *modes]).encode(), prepare=False)


def _roll_back(connection: Connection) -> None:
    """Ends what has begun, as the pool would with a warning; a dead connection is closed by it."""
    with suppress(psycopg.Error):
        connection.rollback()


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        if not is_outage(error):
            raise
        if not isinstance(error, PoolTimeout):  # which psycopg's pool would log each second
            logger.warning("the database failed: %s", _reason(error))
        raise DatabaseDownError from error


@contextmanager
def _left_if_useless(connection: Connection) -> Iterator[None]:
    """Closes a connection to a server that became a standby, so that the next finds its heir, and
    one whose prepared statements do not fit its tables any more.
    """
    try:
        yield
    except (
        psycopg.errors.ReadOnlySqlTransaction,
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.InvalidSqlStatementName,
    ):
        connection.close()
        raise


def _reason(error: psycopg.Error) -> str:
    """One line. Not the server's DETAIL, which quotes rows."""
    return "; ".join((error.diag.message_primary or str(error)).splitlines())


def within(connection: Connection) -> Execute:
    """What `Database.execute` is, within a transaction."""
    return lambda statement, values: _rows(connection.execute(statement, values))


def one(row: Found | None) -> Found:
    """The row of a statement that always returns one; raises LookupError if it did not."""
    if row is None:
        raise LookupError("a row that must be there is not")
    return row
