"""Messages that were lost are sent again by the sweep, and no others."""

import time

import pytest

from shared.clients.celery_queue import IMAGES_QUEUE, IO_QUEUE, celery_app
from shared.db import sessions
from shared.models import Options
from shared.services import Services
from tests.support.aging import age
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch
from workers import sweep


def test_a_published_batch_whose_messages_vanished_is_sent_again(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png", "b.png"]))
    unit.dispatch()
    unit.redis.flushdb()
    sweep.sweep(unit)
    assert unit.redis.llen(IMAGES_QUEUE) == 0  # it may still be on its way
    age(unit, "2 minutes")
    sweep.sweep(unit)
    assert unit.redis.llen(IMAGES_QUEUE) == 2


def test_a_batch_whose_measuring_message_was_lost_is_measured_soon(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png", "b.png"]), None)
    sweep.sweep(unit)
    assert unit.redis.llen(IO_QUEUE) == 0  # it may still be on its way
    age(unit, "6 seconds")
    sweep.sweep(unit)
    sweep.sweep(unit)
    assert unit.redis.llen(IO_QUEUE) == 1


def test_batches_that_nobody_measures_get_no_second_message(unit: Services) -> None:
    account, _ = make_account(unit)
    for _ in range(3):
        accept(unit, make_batch(unit, account), None)
    for _ in range(3):
        age(unit, "2 minutes")
        sweep.sweep(unit)
    assert unit.redis.llen(IO_QUEUE) == 3


@pytest.mark.parametrize("minutes", [0, 2])
def test_a_batch_in_the_hands_of_a_killed_worker_is_measured_when_that_is_old(
    unit: Services, minutes: int
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    accept(unit, batch, None)
    unit.queue.publish_measuring(batch.id)
    with (
        celery_app(unit.settings).connection() as connection,
        connection.SimpleQueue(IO_QUEUE) as queue,
    ):
        queue.get(timeout=10)  # and never acknowledged
        [tag] = unit.redis.zrange("unacked_index", 0, -1)
        unit.redis.zincrby("unacked_index", -60 * minutes, str(tag))
        age(unit, "2 minutes")
        assert sweep.remeasure(unit) == (1 if minutes else 0)


def test_what_is_measured_or_ended_is_not_measured_again(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account))
    cancelled = make_batch(unit, account, session="s")
    accept(unit, cancelled, None)
    sessions.cancel(unit.database, account.id, "s")
    age(unit, "2 minutes")
    assert sweep.remeasure(unit) == 0


def test_a_backlog_that_was_never_published_is_not_sent_as_stale(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png"] * 3))
    age(unit, "2 hours")
    assert sweep.republish(unit) == 0


@pytest.mark.parametrize("options", [None, BOTH_TEXTS])
def test_a_queue_that_nobody_takes_from_does_not_grow(
    unit: Services, options: Options | None
) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png"] * 14, options=options))
    for _ in range(3):
        sweep.sweep(unit)
        age(unit, "2 minutes")
    assert unit.redis.llen(IMAGES_QUEUE) == 14


def test_a_message_that_is_gone_is_sent_again_though_others_still_wait(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png"] * 3))
    sweep.sweep(unit)
    lost = unit.redis.lpop(IMAGES_QUEUE)
    age(unit, "2 minutes")
    sweep.sweep(unit)
    waiting = unit.redis.lrange(IMAGES_QUEUE, 0, -1)
    assert len(waiting) == 3
    assert lost not in waiting


@pytest.mark.parametrize("minutes", [0, 2])
def test_a_message_that_a_worker_has_taken_counts_until_it_is_old(
    unit: Services, minutes: int
) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account))
    unit.dispatch()
    with (
        celery_app(unit.settings).connection() as connection,
        connection.SimpleQueue("images") as queue,
    ):
        queue.get(timeout=10)  # and never acknowledged, as by a worker that is killed
        [tag] = unit.redis.zrange("unacked_index", 0, -1)
        unit.redis.zincrby("unacked_index", -60 * minutes, str(tag))
        age(unit, "2 minutes")
        assert sweep.republish(unit) == (1 if minutes else 0)


def test_an_emptied_broker_is_noticed_before_messages_are_old(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account))
    sweep.sweep(unit)
    unit.redis.flushdb()
    age(unit, "6 seconds")
    assert sweep.republish(unit) == 1
    age(unit, "6 seconds")
    assert sweep.republish(unit) == 0


@pytest.mark.parametrize(
    "garbage", ["no JSON", "[]", "{}", "null", '{"headers": {"task": "fluximage.optimise"}}']
)
def test_messages_that_are_not_ours_do_not_stop_the_sweep(unit: Services, garbage: str) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account))
    unit.dispatch()
    unit.redis.delete(IMAGES_QUEUE)
    unit.redis.lpush(IMAGES_QUEUE, garbage)
    unit.redis.hset("unacked", "tag", garbage)
    unit.redis.zadd("unacked_index", {"tag": time.time()})
    age(unit, "2 minutes")
    assert sweep.republish(unit) == 1
