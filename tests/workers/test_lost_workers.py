"""What a worker process leaves behind that was killed or was sent what it cannot read."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from infra.dev.messages_api import Answer, MessagesApi
from infra.processes import WORKER
from shared.db import sessions, views
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch, png
from tests.support.processes import eventually
from workers import sweep

IMAGES = 6
GARBAGE = ["no JSON at all", '{"body": "x"}', "[]"]
PATIENCE_SECONDS = 60  # a worker starts in one or two, but not on a busy machine


@contextmanager
def worker(environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """One worker on all queues; whatever happens, it is gone at the end."""
    everything = replace(WORKER, queue="images,ai,io", node="all", pool="threads", concurrency=8)
    process = subprocess.Popen(
        (sys.executable, "-m", *everything.arguments),
        env=os.environ | dict(environment),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def entries(services: Services) -> dict[tuple[str, str], int]:
    with services.database.transaction() as connection:
        rows = connection.execute(
            "SELECT unit, kind, count(*) FROM ledger GROUP BY unit, kind"
        ).fetchall()
    return {(row["unit"], row["kind"]): row["count"] for row in rows}


@pytest.mark.full
def test_killing_a_worker_during_its_calls_loses_and_charges_nothing_twice(
    unit: Services, unit_environment: Mapping[str, str], model: MessagesApi
) -> None:
    environment = dict(unit_environment) | model.environment
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png"] * IMAGES, data=png(), options=BOTH_TEXTS)
    accept(unit, batch)
    unit.dispatch()
    model.otherwise = lambda _: Answer(delay_seconds=30)
    with worker(environment) as first:
        assert eventually(lambda: len(model.requests) == IMAGES, PATIENCE_SECONDS)
        first.send_signal(signal.SIGKILL)
        first.wait()
    model.otherwise = lambda _: Answer()
    with unit.database.transaction() as connection:
        expired = connection.execute(
            "UPDATE images SET lease_until = now() WHERE state = 'describing'"
        )
    assert expired.rowcount == IMAGES
    with worker(environment):

        def closed() -> bool:
            sweep.sweep(unit)
            return sessions.is_batch_closed(unit.database, batch.id)

        assert eventually(closed, PATIENCE_SECONDS)
    images = views.view_batch(unit.database, account.id, batch.id).images
    assert [image.alt_text for image in images] == ["A cup of coffee"] * IMAGES
    assert entries(unit) == {
        (unit_, kind): IMAGES for unit_ in ("image", "ai") for kind in ("reserved", "spent")
    }


@pytest.mark.full  # four workers start, one after another
def test_messages_that_are_not_ours_cost_no_image(
    unit: Services, unit_environment: Mapping[str, str]
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, data=png())
    accept(unit, batch)
    unit.redis.lpush("images", *GARBAGE)
    unit.dispatch()

    def closed() -> bool:
        return sessions.is_batch_closed(unit.database, batch.id)

    for _ in range(1 + len(GARBAGE)):  # each may end a worker; its supervisor starts another
        with worker(unit_environment) as process:
            assert eventually(lambda p=process: closed() or p.poll() is not None, PATIENCE_SECONDS)  # type: ignore[misc] # mypy cannot type it
        if closed():
            break
        with unit.database.transaction() as connection:
            connection.execute("UPDATE images SET lease_until = now(), published_at = NULL")
            connection.execute("UPDATE batches SET published_at = now() - interval '1 hour'")
        sweep.sweep(unit)
    assert closed()
