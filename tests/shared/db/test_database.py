"""Connections to Postgres: what is an outage and what a bug, and addresses of several hosts."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from infra.commands.server_checks import check_servers
from infra.migrations.run import migrate
from shared import services, settings
from shared.db.database import Connection, Database, parameters
from shared.errors import DatabaseDownError, OperatorError
from shared.services import Services
from tests.support.cases import every_case

NEEDED = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "S3_ENDPOINT": "http://127.0.0.1:9000",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "hush-hush",
}


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT 1 / 0", psycopg.DataError),
        ("INSERT INTO accounts (name, plan) VALUES (NULL, 'free')", psycopg.IntegrityError),
        ("DO $$ BEGIN RAISE 'a trigger refuses'; END $$", psycopg.errors.RaiseException),
        ("SELEC 1", psycopg.ProgrammingError),
    ],
)
def test_a_bug_does_not_look_like_an_outage(
    unit: Services, statement: LiteralString, error: type[Exception]
) -> None:
    with pytest.raises(error), unit.database.transaction() as connection:
        connection.execute(statement)


def _create_and_raise(connection: Connection) -> None:
    connection.execute("CREATE TABLE undone (id int)")
    raise KeyError


def test_what_raises_within_a_transaction_undoes_it(unit: Services) -> None:
    with pytest.raises(KeyError), unit.database.transaction() as connection:
        _create_and_raise(connection)
    with unit.database.transaction() as connection:
        row = connection.execute("SELECT to_regclass('undone') AS found").fetchone()
    assert row == {"found": None}


def test_statements_are_prepared_where_we_speak_to_the_server_itself(
    unit_environment: dict[str, str],
) -> None:
    statement = "SELECT count(*) AS prepared FROM pg_prepared_statements"
    with (
        Database(unit_environment["DATABASE_URL"]) as database,
        database.transaction() as connection,
    ):
        counts = [connection.execute(statement).fetchall() for _ in range(4)]
    assert counts[-1] == [{"prepared": 1}]


def test_the_limits_hold_for_a_reading_and_in_a_transaction(unit: Services) -> None:
    limits = (
        "SELECT current_setting('statement_timeout') AS statement,"
        " current_setting('lock_timeout') AS lock,"
        " current_setting('idle_in_transaction_session_timeout') AS idle"
    )
    with unit.database.transaction() as connection:
        found = connection.execute(limits).fetchall()
    assert found == unit.database.execute(limits)
    assert found == [{"statement": "30s", "lock": "10s", "idle": "1min"}]


_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.mark.parametrize("use", ["read", "transaction"])
def test_connections_that_died_in_the_pool_are_replaced(
    unit_environment: dict[str, str], use: str
) -> None:
    with Database(unit_environment["DATABASE_URL"], max_connections=2) as database:
        with database.transaction(), database.transaction():
            pass  # now the pool holds two
        with psycopg.connect(unit_environment["DATABASE_URL"], autocommit=True) as killer:
            while killer.execute(_END_OTHERS).fetchall():
                pass  # until they are gone
        if use == "read":
            assert database.execute("SELECT 1 AS one") == [{"one": 1}]
        else:
            with database.transaction() as connection:
                assert connection.execute("SELECT 1 AS one").fetchall() == [{"one": 1}]


def test_only_a_commit_that_may_be_lost_does_not_wait_for_the_disk(unit: Services) -> None:
    mode = "SELECT current_setting('synchronous_commit') AS mode"
    with unit.database.transaction(durable=False) as connection:
        assert connection.execute(mode).fetchall() == [{"mode": "off"}]
    with unit.database.transaction() as connection:
        assert connection.execute(mode).fetchall() == [{"mode": "on"}]


@contextmanager
def several(url: str, *, standby_first: bool) -> Iterator[str]:
    """The address of two hosts: a dead port and the given database, in either order."""
    address = urlsplit(url)
    user = address.netloc.rpartition("@")[0]
    with socket.socket() as dead:  # bound and not listening
        dead.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{dead.getsockname()[1]}", f"127.0.0.1:{address.port}"]
        hosts = hosts if standby_first else hosts[::-1]
        yield urlunsplit(address._replace(netloc=f"{user}@{','.join(hosts)}"))


@pytest.mark.parametrize("first", [True, False], ids=["down", "up"])
def test_several_hosts_are_one_database_for_every_client(
    unit: Services,  # noqa: ARG001 - creates the bucket
    unit_environment: dict[str, str],
    first: bool,
) -> None:
    with several(unit_environment["DATABASE_URL"], standby_first=first) as url:
        given = settings.load(unit_environment | {"DATABASE_URL": url})
        migrate(url)
        check_servers(given)
        with closing(services.build(given)) as built:
            built.database.ping()


def test_of_several_hosts_one_that_refuses_writes_is_not_taken(
    unit_environment: dict[str, str],
) -> None:
    url = unit_environment["DATABASE_URL"]
    with several(url, standby_first=False) as hosts:
        psycopg.connect(**parameters(hosts)).close()
        standby = f"{hosts}?options=-cdefault_transaction_read_only%3Don"
        with pytest.raises(psycopg.OperationalError, match="read-only"):
            psycopg.connect(**parameters(standby))


def test_a_connection_to_a_server_that_became_read_only_is_left(
    unit_environment: dict[str, str],
) -> None:
    with Database(unit_environment["DATABASE_URL"], max_connections=1) as database:
        with database.transaction() as connection:
            before = connection.info.backend_pid
        with pytest.raises(DatabaseDownError), database.transaction() as connection:
            connection.execute("SET TRANSACTION READ ONLY; CREATE TABLE refused (id int)")
        with database.transaction() as connection:
            assert connection.info.backend_pid != before


def test_a_connection_that_may_lock_nothing_is_left(unit_environment: dict[str, str]) -> None:
    lock = "SET TRANSACTION READ ONLY; SELECT FROM accounts FOR UPDATE"
    with Database(unit_environment["DATABASE_URL"], max_connections=1) as database:
        with database.transaction() as connection:
            before = connection.info.backend_pid
        with pytest.raises(DatabaseDownError), database.transaction(lock=lock):
            pass
        with database.transaction() as connection:
            assert connection.info.backend_pid != before


def test_a_lock_that_is_not_granted_leaves_the_connection_as_it_was(
    unit_environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    lock = "SET LOCAL lock_timeout = 1; LOCK TABLE accounts"
    url = unit_environment["DATABASE_URL"]
    with Database(url) as holder, Database(url, max_connections=1) as database:
        with database.transaction() as connection:
            before = connection.info.backend_pid
        with holder.transaction(lock="LOCK TABLE accounts"):
            with pytest.raises(DatabaseDownError), database.transaction(lock=lock):
                pass
            with database.transaction() as connection:
                assert connection.info.backend_pid == before
    assert "rolling back" not in caplog.text


@every_case(
    "url",
    [
        "postgresql://u:hush/hush@one,two/x",
        "postgresql://u:hush@one:5432,two:hush/x",
        "postgresql://u:hu%sh@one,two/x",
    ],
)
def test_a_faulty_address_of_several_hosts_shows_no_password(url: str) -> None:
    with pytest.raises(OperatorError, match="DATABASE_URL: ") as told:
        settings.load(NEEDED | {"DATABASE_URL": url})
    assert "hush" not in told.value.message


@every_case(
    "url",
    [
        "postgresql://u:p@one:5432,two:5433/x?target_session_attrs=read-write",
        "postgresql://u:p@[::1]:5432,two/x",
        "postgres:///x?host=/run/postgresql",
    ],
)
def test_addresses_that_libpq_reads_are_accepted(url: str) -> None:
    settings.load(NEEDED | {"DATABASE_URL": url})
