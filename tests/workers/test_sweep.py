"""The sweep repairs what was lost and deletes what has expired."""

import io
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from uuid import UUID, uuid4

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.clients.celery_queue import IMAGES_QUEUE
from shared.clients.object_store import original_key, output_key
from shared.db import batches, credits, images, sessions, views
from shared.db.database import Connection, one
from shared.db.image_states import OPTIMISE
from shared.errors import CorruptImageError, StoreError
from shared.imagetype import ImageType
from shared.services import Services
from tests.support.aging import age
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch, make_result
from tests.support.memory_store import MemoryStore, with_memory_store
from workers import steps, sweep


def lose_lease(services: Services, image_id: UUID) -> None:
    assert images.claim(services.database, OPTIMISE, image_id, 60) is not None
    with services.database.transaction() as connection:
        connection.execute("UPDATE images SET lease_until = now() - interval '1 s'")


def complete(services: Services, image_id: UUID) -> str:
    claim = images.claim(services.database, OPTIMISE, image_id, 60)
    assert claim is not None
    key = output_key(claim.batch_id, claim.token, ImageType.WEBP)
    services.store.put(key, io.BytesIO(b"out"), 3, "image/webp")
    assert images.complete(services.database, claim, make_result(key)) is not None
    return key


def exists(services: Services, key: str) -> bool:
    return services.store.last_modified(key) is not None


def test_an_image_whose_worker_went_silent_is_sent_again(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account))
    unit.dispatch()
    lose_lease(unit, image_id)
    unit.redis.delete(IMAGES_QUEUE)
    sweep.sweep(unit)
    assert unit.redis.llen(IMAGES_QUEUE) == 1
    again = images.claim(unit.database, OPTIMISE, image_id, 60)
    assert again is not None
    assert again.attempt == 2


def test_an_image_that_used_up_its_attempts_fails_and_costs_nothing(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    for _ in range(unit.settings.max_attempts):
        lose_lease(unit, image_id)
        sweep.sweep(unit)
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ["processing_failed"]
    assert credits.balance(unit.database, account.id).images_used == 0


def test_a_batch_whose_last_commit_did_not_close_it_is_closed(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    complete(unit, accept(unit, batch)[0])
    with unit.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = NULL, ended = 0")
    assert not sessions.is_batch_closed(unit.database, batch.id)
    sweep.sweep(unit)
    assert sessions.is_batch_closed(unit.database, batch.id)


def test_originals_go_when_their_batch_has_ended_and_not_before(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png"])
    first, second = accept(unit, batch)
    complete(unit, first)
    sweep.sweep(unit)
    assert exists(unit, original_key(batch.id, 0))
    complete(unit, second)
    sweep.sweep(unit)
    assert not exists(unit, original_key(batch.id, 0))


def test_outputs_go_when_their_time_is_over_and_not_before(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, session="s")
    key = complete(unit, accept(unit, batch)[0])
    age(unit, "23 hours")
    sweep.sweep(unit)
    assert exists(unit, key)
    age(unit, "2 hours")
    sweep.sweep(unit)
    assert not exists(unit, key)


def test_an_expired_session_is_forgotten_whole(unit: Services) -> None:
    account, _ = make_account(unit)
    complete(unit, accept(unit, make_batch(unit, account, session="s"))[0])
    age(unit, "25 hours")
    sweep.sweep(unit)
    sweep.sweep(unit)
    with unit.database.transaction() as connection:
        for table in ("images", "batches", "sessions"):
            assert connection.execute(f"SELECT 1 FROM {table}").fetchone() is None  # noqa: S608


def test_what_was_spent_stays_in_the_ledger_of_a_forgotten_image(unit: Services) -> None:
    account, _ = make_account(unit)
    complete(unit, accept(unit, make_batch(unit, account, session="s"))[0])
    age(unit, "25 hours")
    sweep.sweep(unit)
    sweep.sweep(unit)
    assert credits.balance(unit.database, account.id).images_used == 1
    with unit.database.transaction() as connection:
        assert len(connection.execute("SELECT 1 FROM ledger").fetchall()) == 2


def test_objects_that_no_batch_owns_go_when_they_are_old(unit: Services) -> None:
    services = with_memory_store(unit)  # the real one has all objects of the tests before
    account, _ = make_account(services)
    owned = make_batch(services, account)
    accept(services, owned)
    stray = make_batch(services, account)  # stored, never accepted
    assert sweep.delete_orphans(services.database, services.store, older_seconds=3600) == 0
    assert sweep.delete_orphans(services.database, services.store, older_seconds=-60) == 1
    assert not exists(services, original_key(stray.id, 0))
    assert exists(services, original_key(owned.id, 0))


def test_originals_are_deleted_later_when_the_store_is_down(unit: Services) -> None:
    store = MemoryStore()
    services = with_memory_store(unit, store)
    account, _ = make_account(services)
    batch = make_batch(services, account)
    claim = images.claim(services.database, OPTIMISE, accept(services, batch)[0], 60)
    assert claim is not None
    images.fail(services.database, claim, CorruptImageError("broken"))
    store.down = True
    sweep.sweep(services)
    store.down = False
    assert exists(services, original_key(batch.id, 0))
    sweep.sweep(services)
    assert not exists(services, original_key(batch.id, 0))


@every_case("name", ["logs", "backup.tar"])
def test_objects_that_are_not_ours_are_left_alone(unit: Services, name: str) -> None:
    services = with_memory_store(unit)
    key = f"{name}/{uuid4()}"
    services.store.put(key, io.BytesIO(b"x"), 1, "text/plain")
    sweep.delete_orphans(services.database, services.store, older_seconds=-60)
    assert exists(services, key)


def test_a_batch_accepted_while_its_old_session_is_forgotten_stays(unit: Services) -> None:
    account, _ = make_account(unit)
    complete(unit, accept(unit, make_batch(unit, account, session="s"))[0])
    age(unit, "25 hours")
    sweep.delete_outputs(unit.database, unit.store, unit.settings)
    sweep.forget_batches(unit.database, unit.store, unit.settings)
    late = make_batch(unit, account, session="s")
    with ThreadPoolExecutor(1) as pool, unit.database.transaction() as connection:
        # The late batch's transaction is open, with the session locked, when the sweep comes.
        batches._open_session(connection, uuid4(), late)
        batches._insert_batch(connection, session_of(connection), late)
        batches._insert_images(connection, session_of(connection), late)
        sweeping = pool.submit(sweep.forget_sessions, unit.database, unit.settings)
        with suppress(TimeoutError):
            sweeping.result(1)
    sweeping.result()
    view = views.view_batch(unit.database, account.id, late.id)
    assert view.progress.total == 1


def session_of(connection: Connection) -> UUID:
    found: UUID = one(connection.execute("SELECT id FROM sessions").fetchone())["id"]
    return found


class StubbornStore(MemoryStore):
    """Keeps what lies below some prefixes, as a store with object lock does."""

    def __init__(self, kept: set[str]) -> None:
        super().__init__()
        self.kept = kept
        self.prepare()

    def delete_prefix(self, prefix: str, kept: Collection[str] = ()) -> None:
        if prefix in self.kept:
            raise StoreError("AccessDenied")
        super().delete_prefix(prefix, kept)


def test_an_object_that_the_store_keeps_does_not_keep_the_others(unit: Services) -> None:
    account, _ = make_account(unit)
    made = [make_batch(unit, account) for _ in range(3)]
    services = replace(unit, store=StubbornStore({f"{made[0].id}/in/"}))
    for batch in made:
        complete(services, accept(services, batch)[0])
    sweep.sweep(services)
    with unit.database.transaction() as connection:
        rows = connection.execute(
            "SELECT id FROM batches WHERE inputs_deleted_at IS NULL"
        ).fetchall()
    assert [row["id"] for row in rows] == [made[0].id]


class SlowStore(MemoryStore):
    """Deletes when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = threading.Event(), threading.Event()
        self.prepare()

    def delete_prefix(self, prefix: str, kept: Collection[str] = ()) -> None:
        self.asked.set()
        self.may.wait(20)
        super().delete_prefix(prefix, kept)


def test_a_slow_store_holds_no_lock_while_it_deletes(unit: Services) -> None:
    store = SlowStore()
    services = replace(unit, store=store)
    account, _ = make_account(services)
    complete(services, accept(services, make_batch(services, account, session="s"))[0])
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(sweep.delete_inputs, services.database, store)
        assert store.asked.wait(10)
        sessions.delete(services.database, account.id, "s")
        assert not deleting.done()
        store.may.set()


def test_a_step_that_fails_does_not_keep_the_others_back(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    complete(unit, accept(unit, batch)[0])
    # Nobody listens there: the step that needs it fails.
    gone = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    sweep.sweep(replace(unit, redis=gone))
    assert not exists(unit, original_key(batch.id, 0))


def test_an_image_whose_original_cannot_be_read_for_long_fails(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE images SET created_at = now() - interval '1 h'")
    down = MemoryStore()  # never prepared: every call fails
    for _ in range(unit.settings.max_attempts):
        steps.optimise(replace(unit, store=down), image_id)
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ["processing_failed"]


def test_many_sweepers_at_once_end_each_image_once(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png"] * 10)
    ids = accept(unit, batch)
    for attempt in range(unit.settings.max_attempts):
        for image_id in ids:
            lose_lease(unit, image_id)
        if attempt + 1 < unit.settings.max_attempts:
            sweep.sweep(unit)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sweep.sweep(unit), range(8)))
    view = views.view_batch(unit.database, account.id, batch.id)
    assert sorted(image.ended_number for image in view.images) == list(range(1, 11))
    assert view.progress.failed == 10
    assert credits.balance(unit.database, account.id).images_used == 0
