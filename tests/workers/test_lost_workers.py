"""A worker killed while it waits for the model: separate processes, as in production."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from infra.dev.messages_api import Answer, MessagesApi
from infra.processes import WORKER
from shared.db import sessions
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch, png
from workers import sweep

IMAGES = 6


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


def eventually(fact: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def entries(services: Services) -> dict[tuple[str, str], int]:
    with services.database.autocommit() as connection:
        rows = connection.execute(
            "SELECT unit, kind, count(*) FROM ledger GROUP BY unit, kind"
        ).fetchall()
    return {(row["unit"], row["kind"]): row["count"] for row in rows}


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
        eventually(lambda: len(model.requests) == IMAGES)
        first.send_signal(signal.SIGKILL)
        first.wait()
    model.otherwise = lambda _: Answer()
    with unit.database.autocommit() as connection:
        expired = connection.execute(
            "UPDATE images SET lease_until = now() WHERE state = 'describing'"
        )
    assert expired.rowcount == IMAGES
    with worker(environment):

        def closed() -> bool:
            sweep.sweep(unit)
            return sessions.is_batch_closed(unit.database, batch.id)

        eventually(closed)
    images = sessions.view_batch(unit.database, account.id, batch.id).images
    assert [image.alt_text for image in images] == ["A cup of coffee"] * IMAGES
    assert entries(unit) == {
        (unit_, kind): IMAGES for unit_ in ("image", "ai") for kind in ("reserved", "spent")
    }


@pytest.mark.parametrize("garbage", ["no JSON at all", '{"body": "x"}', "[]"])
def test_a_message_that_is_none_of_ours_costs_no_image(
    unit: Services, unit_environment: Mapping[str, str], garbage: str
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, data=png())
    accept(unit, batch)
    unit.redis.lpush("images", garbage)
    unit.dispatch()

    def closed() -> bool:
        return sessions.is_batch_closed(unit.database, batch.id)

    with worker(dict(unit_environment)) as first:
        eventually(lambda: closed() or first.poll() is not None)
    if not closed():  # garbage may end a worker, which its supervisor starts again
        with unit.database.autocommit() as connection:
            connection.execute("UPDATE images SET lease_until = now(), published_at = NULL")
            connection.execute("UPDATE batches SET published_at = now() - interval '1 hour'")
        with worker(dict(unit_environment)):
            sweep.sweep(unit)
            eventually(closed)
