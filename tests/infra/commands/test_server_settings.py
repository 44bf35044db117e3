"""Which settings of the servers are unsafe: from what they report, and from real servers."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from infra.commands import server_settings
from infra.commands.server_settings import Finding, Level
from infra.embedded.network import LOOPBACK, free_port
from infra.embedded.objects import BUCKET, objects
from infra.embedded.server import bare_environment
from infra.supervision.supervisor import Supervisor
from shared import settings
from shared.clients.object_store import PROBE_KEY, S3Store
from shared.services import Services
from tests.infra.commands.conftest import RunHere
from tests.support.processes import eventually
from tests.support.tls import TlsProxy, make_certificates

GOOD_REDIS = {"redis_version": "7.2.4", "maxmemory_policy": "noeviction", "aof_enabled": 1}
GOOD_POSTGRES = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "local"}


def told(found: list[Finding]) -> tuple[Level, str]:
    """The one finding that there is."""
    (one,) = found
    return one.level, one.text


def test_a_redis_that_may_lose_messages_is_unsafe() -> None:
    changes: list[tuple[dict[str, object], str]] = [
        ({"redis_version": "6.2.14"}, "Redis 6.2.14 is older than 7"),
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy allkeys-lru"),
        ({"aof_enabled": 0}, "appendonly no"),
    ]
    for change, words in changes:
        level, text = told(list(server_settings.of_redis(GOOD_REDIS | change)))
        assert level is Level.UNSAFE, change
        assert words in text


def test_what_redis_does_not_say_is_unknown() -> None:
    for name in GOOD_REDIS:
        info = {key: value for key, value in GOOD_REDIS.items() if key != name}
        assert told(list(server_settings.of_redis(info))) == (
            Level.UNKNOWN,
            f"Redis does not say its {name}.",
        )


def test_a_postgres_that_a_crash_can_damage_is_unsafe() -> None:
    levels = {
        "fsync": Level.FATAL,
        "full_page_writes": Level.UNSAFE,
        "synchronous_commit": Level.UNSAFE,
    }
    for name, level in levels.items():
        found = told(list(server_settings.of_postgres(15, GOOD_POSTGRES | {name: "off"})))
        assert found[0] is level
        assert f"({name} off)" in found[1]


def test_an_old_postgres_is_unsafe() -> None:
    assert told(list(server_settings.of_postgres(14, GOOD_POSTGRES))) == (
        Level.UNSAFE,
        "Postgres 14 is older than 15. Upgrade it.",
    )


def test_clocks_that_differ_are_unsafe() -> None:
    for ahead, words in ((5.6, "6 s ahead of"), (-61.0, "61 s behind")):
        level, text = told(list(server_settings.of_clock(ahead)))
        assert level is Level.UNSAFE
        assert words in text


def test_good_settings_bring_no_finding() -> None:
    assert list(server_settings.of_redis(GOOD_REDIS)) == []
    assert list(server_settings.of_postgres(15, GOOD_POSTGRES)) == []
    assert list(server_settings.of_clock(4.9)) == []


def test_the_embedded_servers_are_safe(unit: Services) -> None:
    assert server_settings.findings(unit.settings) == []


def test_the_clock_is_compared_with_that_of_postgres(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time
    monkeypatch.setattr("infra.commands.server_settings.time.time", lambda: now() + 60)
    assert "60 s ahead of" in told(server_settings.findings(unit.settings))[1]


def changed(environment: Mapping[str, str], **servers: str) -> settings.Settings:
    return settings.load(dict(environment) | servers)


def test_parameters_are_those_of_our_own_connections(
    unit_environment: Mapping[str, str],
) -> None:
    url = unit_environment["DATABASE_URL"] + "?options=-csynchronous_commit%3Doff"
    found = server_settings.findings(changed(unit_environment, DATABASE_URL=url))
    assert "synchronous_commit off" in told(found)[1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"REDIS_URL": "redis://127.0.0.1:9"}, "Redis cannot be used: .*Connection refused"),
        ({"REDIS_URL": "redis://:wrong@{redis}"}, "Redis cannot be used: its user or password"),
        ({"REDIS_URL": "rediss://:wrong@{redis}"}, "Redis .* nor does one without TLS"),
        ({"DATABASE_URL": "postgresql://me@127.0.0.1:9/x"}, "Postgres cannot .*Connection refused"),
        ({"DATABASE_URL": "postgresql://me:no@{postgres}/x"}, "Postgres .*password authentication"),
        (
            {"DATABASE_URL": "postgresql://me@127.0.0.1:9,127.0.0.1:9/x"},
            "Postgres .*refused.*; .*refused",
        ),
        ({"S3_SECRET_KEY": "another"}, "list, put, get and delete fail: wrong signature"),
        ({"S3_BUCKET": "missing"}, "list, put, get and delete fail: the bucket does not exist"),
        ({"S3_ENDPOINT": "http://127.0.0.1:9"}, "list, put, .* it cannot be reached: Connection"),
        ({"S3_ENDPOINT": "https://{store}"}, "list, put, .*: TLS: it does not speak TLS"),
    ],
)
def test_a_server_that_cannot_be_used_is_named_with_the_reason(
    unit: Services,  # noqa: ARG001 - creates the bucket
    unit_environment: Mapping[str, str],
    given: dict[str, str],
    words: str,
) -> None:
    hosts = {
        "redis": urlsplit(unit_environment["REDIS_URL"]).netloc.rpartition("@")[2],
        "postgres": urlsplit(unit_environment["DATABASE_URL"]).netloc.rpartition("@")[2],
        "store": urlsplit(unit_environment["S3_ENDPOINT"]).netloc,
    }
    changes = {name: value.format(**hosts) for name, value in given.items()}
    level, text = told(server_settings.findings(changed(unit_environment, **changes)))
    assert level is Level.FAILED
    assert re.search(words, text)


def test_a_redis_that_wants_tls_is_named_with_the_address_to_write(
    unit: Services,  # noqa: ARG001 - creates the bucket
    unit_environment: Mapping[str, str],
    tmp_path: Path,
) -> None:
    port = urlsplit(unit_environment["REDIS_URL"]).port or 0
    with TlsProxy(port, make_certificates(tmp_path).good) as proxy:
        for scheme, words in (("redis", "write rediss://"), ("rediss", "certificate is refused")):
            given = changed(unit_environment, REDIS_URL=f"{scheme}://127.0.0.1:{proxy.port}")
            level, text = told(server_settings.findings(given))
            assert level is Level.FAILED
            assert words in text


def test_a_redis_that_takes_no_writes_is_named(unit: Services) -> None:
    unit.redis.config_set("maxmemory", "1")
    try:
        level, text = told(server_settings.findings(unit.settings))
    finally:
        unit.redis.config_set("maxmemory", "0")
    assert level is Level.FAILED
    assert text.startswith("Redis refuses to write")


def test_a_postgres_that_takes_no_writes_is_named(
    unit: Services,  # noqa: ARG001 - creates the bucket
    unit_environment: Mapping[str, str],
) -> None:
    url = unit_environment["DATABASE_URL"] + "?options=-cdefault_transaction_read_only%3Don"
    level, text = told(server_settings.findings(changed(unit_environment, DATABASE_URL=url)))
    assert level is Level.FAILED
    assert text.startswith("Postgres refuses to write")


@contextmanager
def guest(services: Services, environment: Mapping[str, str], *commands: str) -> Iterator[str]:
    """The address of Redis for a user who may do all but these commands."""
    name, password = f"guest-{uuid4().hex}", "pw"
    services.redis.acl_setuser(
        name,
        enabled=True,
        passwords=[f"+{password}"],
        keys=["*"],
        channels=["*"],
        categories=["+@all"],
        commands=list(commands),
    )
    address = urlsplit(environment["REDIS_URL"])
    netloc = f"{name}:{password}@{address.hostname}:{address.port}"
    try:
        yield urlunsplit(address._replace(netloc=netloc))
    finally:
        services.redis.acl_deluser(name)


def test_a_redis_that_refuses_info_is_unknown(
    unit: Services, unit_environment: Mapping[str, str]
) -> None:
    with guest(unit, unit_environment, "-info") as url:
        level, _ = told(server_settings.findings(changed(unit_environment, REDIS_URL=url)))
    assert level is Level.UNKNOWN


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[settings.Settings]:
    """Settings with an object store that requires no key."""
    server = objects(tmp_path, LOOPBACK, free_port(), "key", "hush", tmp_path / "log")
    with Supervisor() as supervisor:
        supervisor.start(replace(server.child, env=bare_environment()))
        assert supervisor.wait_until("objects", server.answers, 20)
        yield changed(
            {"REDIS_URL": "redis://127.0.0.1:9", "DATABASE_URL": "postgresql://127.0.0.1:9/x"},
            **server.environment,
        )


def test_a_bucket_that_anyone_can_read_is_unsafe(open_store: settings.Settings) -> None:
    texts = [one.text for one in server_settings.findings(open_store) if one.level is Level.UNSAFE]
    assert texts[0].startswith(f"The bucket {BUCKET} can be read by anyone")


def test_the_check_of_the_bucket_leaves_nothing_in_it(unit: Services) -> None:
    assert server_settings.findings(unit.settings) == []
    assert PROBE_KEY not in S3Store(unit.settings).list_batches()


@contextmanager
def evicting(services: Services) -> Iterator[None]:
    services.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        yield
    finally:
        services.redis.config_set("maxmemory-policy", "noeviction")


@contextmanager
def without_fsync(environment: Mapping[str, str]) -> Iterator[None]:
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:

        def put(statement: str, value: str) -> None:
            connection.execute(statement)
            connection.execute("SELECT pg_reload_conf()")
            shown = "SHOW fsync"
            assert eventually(lambda: connection.execute(shown).fetchone() == (value,))

        put("ALTER SYSTEM SET fsync = off", "off")
        try:
            yield
        finally:
            put("ALTER SYSTEM RESET fsync", "on")


def test_the_check_command_fails_where_something_is_unsafe(
    unit: Services, unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    with evicting(unit):
        checked = run_here("check", **unit_environment)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.startswith("fluximage: unsafe: Redis drops messages")
    assert checked.stderr.count("\n") == 1


def test_the_check_command_says_when_nothing_is_unsafe(
    unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    checked = run_here("check", **unit_environment)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "Nothing unsafe was found in the settings of the servers.\n"


def test_what_cannot_be_known_is_not_fine(
    unit: Services, unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    with guest(unit, unit_environment, "-info") as url:
        checked = run_here("check", **dict(unit_environment) | {"REDIS_URL": url})
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.startswith("fluximage: unknown: Redis does not tell its settings")


def test_a_missing_bucket_is_named_and_not_created_by_the_check(
    unit: Services, unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    checked = run_here("check", **dict(unit_environment) | {"S3_BUCKET": "missing"})
    assert checked.returncode == 1
    assert "the bucket does not exist" in checked.stderr
    assert checked.stderr.count("\n") == 1
    assert not unit.store._client.bucket_exists("missing")  # type: ignore[attr-defined] # S3Store's


@contextmanager
def new_database(environment: Mapping[str, str], *statements: LiteralString) -> Iterator[str]:
    """A database without tables, after these statements in it."""
    name = f"new_{uuid4().hex}"
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = urlunsplit(urlsplit(environment["DATABASE_URL"])._replace(path=f"/{name}"))
        with psycopg.connect(url, autocommit=True) as inside:
            for statement in statements:
                inside.execute(statement)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_tables_that_are_missing_are_named(
    unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    with new_database(unit_environment) as url:
        checked = run_here("check", **dict(unit_environment) | {"DATABASE_URL": url})
    assert checked.returncode == 1
    assert checked.stderr == (
        "fluximage: failed: The tables of this version are not in Postgres. Run `fluximage"
        " migrate`.\n"
    )


def test_migrating_without_the_right_to_create_is_refused_in_one_line(
    unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    guest_sql = "CREATE ROLE tenant LOGIN PASSWORD 'pw'"
    address = urlsplit(unit_environment["DATABASE_URL"])
    with new_database(unit_environment, guest_sql) as url:
        netloc = f"tenant:pw@{address.hostname}:{address.port}"
        as_tenant = urlunsplit(urlsplit(url)._replace(netloc=netloc))
        refused = run_here("migrate", **dict(unit_environment) | {"DATABASE_URL": as_tenant})
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP ROLE tenant")
    assert refused.returncode == 1
    assert refused.stderr == (
        "fluximage: The database cannot be migrated: permission denied for schema public. Its user"
        " needs the right to create tables (GRANT CREATE ON SCHEMA).\n"
    )


def test_migrating_goes_on_with_a_warning(
    unit: Services, unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    with evicting(unit):
        migrated = run_here("migrate", **unit_environment)
    assert migrated.returncode == 0
    assert "unsafe: Redis drops messages" in migrated.stderr


@pytest.mark.parametrize(
    "arguments",
    [("migrate",), pytest.param(("up",), marks=pytest.mark.full)],
    ids=["migrate", "up"],
)
def test_nothing_starts_on_a_postgres_without_fsync(
    unit: Services,
    unit_environment: Mapping[str, str],
    arguments: tuple[str, ...],
    tmp_path: Path,
    run_here: RunHere,
) -> None:
    more = ("--data-dir", str(tmp_path / "data"), "--port", str(free_port()))
    with without_fsync(unit_environment), evicting(unit):
        added = more if arguments == ("up",) else ()
        refused = run_here(*arguments, *added, **unit_environment)
    assert refused.returncode == 1
    warning, refusal = refused.stderr.splitlines()
    assert "unsafe: Redis drops messages" in warning
    assert refusal.startswith("fluximage: refused: Postgres reports a commit before it is on disk")
