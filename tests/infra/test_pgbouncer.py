"""The service behind a real PgBouncer in transaction mode, which shares every session."""

import io
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from infra.commands import server_settings
from infra.dev.messages_api import MessagesApi
from infra.migrations.run import migrate
from shared import services, settings
from shared.clients.celery_queue import IMAGES_QUEUE
from shared.db import backlog, images
from shared.db.image_states import OPTIMISE
from shared.errors import UnavailableError
from shared.services import Services
from tests.api.conftest import in_process
from tests.support.making import accept, asking, make_account, make_batch, png
from tests.support.pgbouncer import CONNECTIONS, PgBouncer, pgbouncer
from tests.support.tls import make_certificates
from workers import steps, sweep
from workers.ai.provider import Provider

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def pooler(unit_environment: Mapping[str, str]) -> Iterator[PgBouncer]:
    with pgbouncer(unit_environment["DATABASE_URL"]) as running:
        yield running


@pytest.fixture
def pooled(
    unit: Services,  # noqa: ARG001 - empties the tables
    unit_environment: Mapping[str, str],
    pooler: PgBouncer,
) -> Iterator[Services]:
    """Services whose database is behind the pooler."""
    loaded = settings.load(dict(unit_environment) | {"DATABASE_URL": pooler.url})
    with closing(services.build(loaded)) as built:
        yield built


def send(client: FlaskClient, key: str, **fields: str) -> dict[str, object]:
    answer = client.post(
        "/api/compress",
        headers={"Authorization": f"Bearer {key}"} | ASYNC,
        data=fields | {"file": (io.BytesIO(png()), "a.png")},
    )
    assert answer.status_code == 202, answer.text
    assert answer.json
    return dict(answer.json)


def test_a_batch_is_compressed_polled_described_and_cancelled(pooled: Services) -> None:
    _, key = make_account(pooled)
    headers = {"Authorization": f"Bearer {key}"}
    with MessagesApi() as model:
        working = replace(pooled, settings=asking(pooled.settings, model))
        with (
            in_process(working) as client,
            closing(Provider(working.settings, pooled.redis)) as provider,
        ):
            # More often than a client of Postgres repeats a statement before it prepares it.
            for _ in range(8):
                sent = send(client, key, sessionId="s", autoAltText="true")
                with pooled.database.transaction() as connection:
                    row = connection.execute(
                        "SELECT id FROM images WHERE batch_id = %s", (sent["batch_id"],)
                    ).fetchone()
                assert row
                steps.optimise(working, row["id"])
                steps.describe(working, provider, row["id"])
            send(client, key, sessionId="s")
            page = client.get("/api/sessions/s", headers=headers).json or {}
            assert client.delete("/api/sessions/s", headers=headers).status_code == 200
            cancelled = client.get("/api/sessions/s", headers=headers).json or {}
    assert {one["alt_text"] is not None for one in page["data"]} == {True}
    assert cancelled["progress"] | {"completed": 8, "cancelled": 1} == cancelled["progress"]


def test_a_sweep_repairs_what_was_lost(pooled: Services) -> None:
    account, _ = make_account(pooled)
    (image_id,) = accept(pooled, make_batch(pooled, account))
    pooled.dispatch()
    pooled.redis.flushdb()
    assert images.claim(pooled.database, OPTIMISE, image_id, -1)
    sweep.sweep(pooled)
    assert pooled.redis.llen(IMAGES_QUEUE) == 1


def test_a_session_of_the_server_keeps_nothing_of_ours(pooled: Services, pooler: PgBouncer) -> None:
    account, _ = make_account(pooled)
    for _ in range(8):
        accept(pooled, make_batch(pooled, account))
        pooled.dispatch()
        sweep.sweep(pooled)
    for _ in range(2 * CONNECTIONS):
        with psycopg.connect(pooler.url, autocommit=True, prepare_threshold=None) as stranger:
            (seen,) = stranger.execute(
                "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
                " (SELECT count(*) FROM pg_prepared_statements),"
                " (SELECT count(*) FROM pg_locks"
                "  WHERE locktype = 'advisory' AND pid = pg_backend_pid())"  # others lock too
            ).fetchall()
        assert seen == ("0", "0", 0, 0)


def test_the_limits_hold_in_each_transaction(pooled: Services) -> None:
    with pooled.database.transaction() as connection:
        row = connection.execute(
            "SELECT current_setting('statement_timeout') AS statement,"
            " current_setting('lock_timeout') AS lock,"
            " current_setting('idle_in_transaction_session_timeout') AS idle"
        ).fetchone()
    assert row == {"statement": "30s", "lock": "10s", "idle": "1min"}


def test_many_clients_share_few_connections(pooled: Services) -> None:
    account, _ = make_account(pooled)
    batches = [make_batch(pooled, account) for _ in range(24)]
    ids = [accept(pooled, batch)[0] for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda image_id: steps.optimise(pooled, image_id), ids))
    assert backlog.queue_state(pooled.database).images == 0


def test_a_pooler_that_restarts_costs_no_attempt(pooled: Services, pooler: PgBouncer) -> None:
    account, _ = make_account(pooled)
    (image_id,) = accept(pooled, make_batch(pooled, account))
    store = pooled.store.get

    def restart_then_get(key: str) -> bytes:
        pooler.stop()
        pooler.start()
        return store(key)

    pooled.store.get = restart_then_get  # type: ignore[method-assign] # in the midst of the work
    steps.optimise(pooled, image_id)
    with pooled.database.transaction() as connection:
        row = connection.execute("SELECT state, attempt FROM images").fetchone()
    assert row in ({"state": "done", "attempt": 1}, {"state": "queued", "attempt": 0})


def test_migrating_at_the_same_time_is_safe(
    unit_environment: Mapping[str, str], pooler: PgBouncer
) -> None:
    name = f"pooled_{uuid4().hex}"
    with psycopg.connect(unit_environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = pooler.url.removesuffix(urlsplit(pooler.url).path) + f"/{name}"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [url] * 4))
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_the_check_finds_nothing_wrong_with_it(pooled: Services) -> None:
    assert server_settings.findings(pooled.settings) == []


def refusal(environment: Mapping[str, str], url: str) -> str:
    """What keeps the service from this database; empty when nothing does."""
    given = settings.load(dict(environment) | {"DATABASE_URL": url})
    texts = [one.text for one in server_settings.findings(given) if "Postgres" in one.text]
    with closing(services.build(given)) as built, suppress(UnavailableError):
        migrate(url)  # first: where it is refused, the pool would try for 5 s
        built.database.ping()
        assert texts == []
    return "".join(texts)


def test_tls_to_postgres_is_verified_as_its_address_says(
    unit_environment: Mapping[str, str], tmp_path: Path
) -> None:
    made = make_certificates(tmp_path)
    (tmp_path / "else").mkdir()
    stranger = make_certificates(tmp_path / "else").ca_file
    verified = f"sslmode=verify-full&sslrootcert={made.ca_file}"
    with pgbouncer(unit_environment["DATABASE_URL"], made.good_file) as pooler:
        assert refusal(unit_environment, f"{pooler.url}?{verified}") == ""
        by_stranger = f"{pooler.url}?sslmode=verify-full&sslrootcert={stranger}"
        assert re.search("TLS: .*certificate verify failed", refusal(unit_environment, by_stranger))
    with pgbouncer(unit_environment["DATABASE_URL"], made.other_host_file) as pooler:
        told = refusal(unit_environment, f"{pooler.url}?{verified}")
        assert "does not match host name" in told
