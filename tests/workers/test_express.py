"""The short road of one small image that somebody waits for."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from shared.clients.celery_queue import EXPRESS_QUEUE, IMAGES_QUEUE, IO_QUEUE
from shared.db import estimates, sessions, views
from shared.db.batches import NewBatch
from shared.db.database import one
from shared.db.image_states import State
from shared.errors import UnavailableError
from shared.lanes import EXPRESS_BYTES
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import (
    BOTH_TEXTS,
    SMALL,
    accept,
    make_account,
    make_batch,
    png,
)
from tests.support.memory_store import MemoryStore
from tests.support.processes import eventually
from tests.support.thread_worker import thread_worker
from workers import steps, sweep


def waited_for(services: Services, data: bytes | None = None) -> NewBatch:
    account, _ = make_account(services)
    batch = replace(make_batch(services, account, data=data), waited_for=True)
    accept(services, batch, None)
    return batch


def sent(services: Services) -> dict[str, int]:
    return {name: services.redis.llen(name) for name in (IMAGES_QUEUE, EXPRESS_QUEUE)}


def test_it_is_measured_made_and_closed_without_another_message(unit: Services) -> None:
    batch = waited_for(unit)
    steps.express(unit, batch.id)
    view = views.view_batch(unit.database, batch.account_id, batch.id)
    assert view.progress.completed == 1
    assert unit.store.last_modified(f"{batch.id}/in/") is None
    assert sent(unit) == {IMAGES_QUEUE: 0, EXPRESS_QUEUE: 0}


class CountingStore(MemoryStore):
    """Counts what is read."""

    reads = 0

    def get(self, key: str) -> bytes:
        self.reads += 1
        return super().get(key)


def test_its_original_is_read_once(unit: Services) -> None:
    store = CountingStore()
    store.prepare()
    services = replace(unit, store=store)
    batch = waited_for(services)
    steps.express(services, batch.id)
    assert sessions.is_batch_closed(unit.database, batch.id)
    assert store.reads == 1


def test_one_whose_account_has_its_place_in_express_goes_the_long_road(unit: Services) -> None:
    account, _ = make_account(unit)
    first, second = (replace(make_batch(unit, account), waited_for=True) for _ in range(2))
    accept(unit, first, SMALL)
    unit.dispatch()
    accept(unit, second, None)
    steps.express(unit, second.id)
    assert not sessions.is_batch_closed(unit.database, second.id)
    assert sent(unit) == {IMAGES_QUEUE: 1, EXPRESS_QUEUE: 1}


def test_one_that_cannot_be_made_ends_at_once(unit: Services) -> None:
    batch = waited_for(unit, b"just text")
    steps.express(unit, batch.id)
    view = views.view_batch(unit.database, batch.account_id, batch.id)
    assert view.progress.failed == 1


LONG: dict[str, dict[str, Any]] = {
    "nobody waits": {"waited_for": False},
    "a text is asked for": {"options": BOTH_TEXTS},
    "two images": {"images": 2},
    "too many bytes": {"size": EXPRESS_BYTES + 1},
}


@every_case("case", list(LONG))
def test_other_batches_are_left_to_the_long_road(unit: Services, case: str) -> None:
    account, _ = make_account(unit)
    change = dict(LONG[case])
    made = make_batch(unit, account, ["a.png"] * change.pop("images", 1))
    size = change.pop("size", None)
    images = [replace(image, size=size or image.size) for image in made.images]
    batch = replace(made, images=images, **({"waited_for": True} | change))
    accept(unit, batch, None)
    assert not batch.is_express
    assert estimates.take_next(unit.database, 60, express=True) is None
    assert estimates.take_next(unit.database, 60) is not None


def test_one_whose_process_was_lost_before_its_claim_is_sent_again(unit: Services) -> None:
    batch = waited_for(unit)
    services = replace(unit, settings=unit.settings.model_copy(update={"republish_seconds": 0}))
    found = estimates.take_next(unit.database, 60, express=True)
    assert found
    estimates.save(unit.database, found, {found.images[0].id: SMALL}, {}, 0.0)
    assert unit.dispatch_keeping(batch.id)
    assert sent(unit) == {IMAGES_QUEUE: 0, EXPRESS_QUEUE: 0}
    sweep.sweep(services)
    assert sent(unit) == {IMAGES_QUEUE: 0, EXPRESS_QUEUE: 1}


def test_one_that_a_server_gave_back_ends_on_the_long_road(unit: Services) -> None:
    store = MemoryStore()
    store.prepare()
    services = replace(unit, store=store)
    batch = waited_for(services)

    def down(*_: object) -> None:
        raise UnavailableError("the store is away")

    put, store.put = store.put, down  # type: ignore[method-assign,assignment] # while it is made
    steps.express(services, batch.id)
    store.put = put  # type: ignore[method-assign]
    with unit.database.transaction() as connection:
        row = one(connection.execute("SELECT id, state, attempt FROM images").fetchone())
    assert (row["state"], row["attempt"]) == (State.QUEUED, 0)
    steps.optimise(services, row["id"])
    assert sessions.is_batch_closed(unit.database, batch.id)


def test_a_sweep_sends_no_other_message_while_its_own_waits(unit: Services) -> None:
    batch = waited_for(unit)
    unit.queue.publish_express(batch.id)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE batches SET created_at = now() - interval '1 minute'")
    assert sweep.remeasure(unit) == 0
    unit.redis.delete(EXPRESS_QUEUE)
    assert sweep.remeasure(unit) == 1


def test_a_message_has_it_answered(unit: Services) -> None:
    batch = waited_for(unit, png(64, 48))
    with thread_worker(unit):
        unit.queue.publish_express(batch.id)
        assert eventually(lambda: sessions.is_batch_closed(unit.database, batch.id))


def test_a_message_that_comes_again_after_the_measuring_has_it_made(unit: Services) -> None:
    batch = waited_for(unit)
    found = estimates.take_next(unit.database, 60, express=True)
    assert found
    estimates.save(unit.database, found, {found.images[0].id: SMALL}, {}, 0.0)
    assert unit.dispatch_keeping(batch.id)
    steps.express(unit, batch.id)
    assert sessions.is_batch_closed(unit.database, batch.id)


def test_few_messages_of_anybody_wait_in_express(unit: Services) -> None:
    for _ in range(12):
        unit.queue.publish_express(uuid4())
    assert unit.redis.llen(EXPRESS_QUEUE) == 8
    assert unit.redis.llen(IO_QUEUE) == 4
