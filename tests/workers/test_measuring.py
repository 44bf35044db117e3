"""The step before all others: estimates from headers, and refusals that cost no core."""

import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from PIL import Image

from shared.clients import pubsub
from shared.clients.celery_queue import EXPRESS_QUEUE, IMAGES_QUEUE
from shared.clients.object_store import original_key
from shared.clients.pubsub import Listener
from shared.db import credits, estimates, images, sessions, views
from shared.db.database import one
from shared.db.estimates import UnmeasuredBatch
from shared.db.image_states import OPTIMISE
from shared.db.views import View
from shared.errors import UnavailableError
from shared.imagetype import ImageType
from shared.models import Options
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch, png
from tests.support.memory_store import MemoryStore, with_memory_store
from tests.support.processes import eventually
from tests.support.thread_worker import thread_worker
from tests.workers.test_database_faults import failing
from workers import steps
from workers.steps.planning import planned


def replace_original(services: Services, batch_id: UUID, index: int, data: bytes) -> None:
    services.store.put(original_key(batch_id, index), io.BytesIO(data), len(data), "image/png")


def sent(services: Services) -> int:
    """Images that wait in the broker for a core."""
    return sum(services.redis.llen(queue) for queue in (IMAGES_QUEUE, EXPRESS_QUEUE))


def estimated(services: Services) -> int:
    with services.database.transaction() as connection:
        row = connection.execute(
            "SELECT count(*) AS n FROM images"
            " WHERE cpu_seconds > 0 AND max_cpu_seconds >= cpu_seconds AND memory_bytes > 0"
        ).fetchone()
    return int(one(row)["n"])


def measured(services: Services, data: bytes, options: Options | None = None) -> View:
    """One image, measured; returns its batch as the client sees it."""
    account, _ = make_account(services)
    batch = make_batch(services, account, data=data, options=options)
    accept(services, batch, None)
    steps.measure(services, batch.id)
    return views.view_batch(services.database, account.id, batch.id)


def settled(services: Services, **changes: object) -> Services:
    return replace(services, settings=services.settings.model_copy(update=changes))


def test_a_measured_batch_goes_out_whole(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png"] * 6)
    accept(unit, batch, None)
    unit.dispatch()
    assert sent(unit) == 0
    steps.measure(unit, batch.id)
    assert estimated(unit) == 6
    assert sent(unit) == 6


def animation() -> bytes:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


@every_case(
    "data, changes, code",
    [
        (b"just text", {}, "unsupported_image"),
        (b"", {}, "corrupt_image"),
        (png()[:20], {}, "corrupt_image"),
        (png(), {"max_pixels": 47}, "too_many_pixels"),
        (animation(), {"max_animation_pixels": 95}, "too_many_frames"),
        (png(), {"task_limit_seconds": 0}, "too_much_work"),
    ],
)
def test_what_cannot_be_made_ends_without_going_to_a_core(
    unit: Services, data: bytes, changes: dict[str, object], code: str
) -> None:
    view = measured(settled(unit, **changes), data, Options(ImageType.AVIF))
    assert [image.error_code for image in view.images] == [code]
    assert sent(unit) == 0


def test_a_refused_image_costs_nothing_and_its_batch_closes(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.txt", "b.txt"], data=b"just text")
    accept(unit, batch, None)
    listener = Listener(unit.redis)
    try:
        with listener.waiting(pubsub.batch_topic(batch.id)) as woken:
            steps.measure(unit, batch.id)
            assert woken.wait(10)
    finally:
        listener.close()
    assert sessions.is_batch_closed(unit.database, batch.id)
    assert credits.balance(unit.database, account.id).images_used == 0


def test_a_bad_image_keeps_no_other_of_its_batch_back(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png", "c.png"])
    replace_original(unit, batch.id, 0, b"just text")
    unit.store.delete(original_key(batch.id, 1))
    accept(unit, batch, None)
    steps.measure(unit, batch.id)
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ["unsupported_image", "processing_failed"]
    assert [image.ended_number for image in view.images] == [1, 2]
    assert sent(unit) == 1


def test_a_fault_of_ours_fails_its_image_alone(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(settings: object, options: object, data: bytes, memory: float) -> object:
        if data == b"harm":
            raise RecursionError
        return planned(settings, options, data, memory)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr("workers.steps.measuring.planned", faulty)
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png"])
    replace_original(unit, batch.id, 0, b"harm")
    accept(unit, batch, None)
    steps.measure(unit, batch.id)
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ["processing_failed"]
    assert estimated(unit) == 1


def test_nothing_is_written_while_the_store_is_down(unit: Services) -> None:
    store = MemoryStore()
    services = with_memory_store(unit, store)
    account, _ = make_account(services)
    batch = make_batch(services, account, ["a.png"] * 9)
    accept(services, batch, None)
    store.down = True
    with pytest.raises(UnavailableError):
        steps.measure(services, batch.id)
    assert estimated(unit) == 0
    store.down = False
    steps.measure(services, batch.id)
    assert estimated(unit) == 9


@pytest.mark.parametrize("at", [1, 2], ids=["read", "save"])
def test_a_fault_of_the_database_leaves_the_batch_to_be_measured_again(
    unit: Services, at: int
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.txt"])
    replace_original(unit, batch.id, 1, b"just text")
    accept(unit, batch, None)
    with failing(unit, "connection lost", at) as broken, pytest.raises(UnavailableError):
        steps.measure(broken, batch.id)
    assert estimated(unit) == 0
    estimates.give_back(unit.database, batch.id)  # as its lease ends
    steps.measure(unit, batch.id)
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ["unsupported_image"]
    assert estimated(unit) == 1


class CountingStore(MemoryStore):
    """Notes how many originals are read at one time; each read takes a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self.prepare()

    def get(self, key: str) -> bytes:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        with self.lock:
            self.now -= 1
        return super().get(key)


def test_of_one_account_two_originals_are_in_memory_however_many_batches_are_measured(
    unit: Services,
) -> None:
    store = CountingStore()
    services = replace(unit, store=store)
    account, _ = make_account(services)
    ids = []
    for _ in range(5):
        batch = make_batch(services, account, ["a.png"] * 4)
        accept(services, batch, None)
        ids.append(batch.id)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda one: steps.measure(services, one), ids))
    assert estimated(unit) == 20
    assert store.most == 2


def test_accounts_take_turns_at_being_measured(unit: Services) -> None:
    large, small = (make_account(unit)[0] for _ in range(2))
    wanted = [make_batch(unit, account) for account in (large, large, small, large)]
    for batch in wanted:
        accept(unit, batch, None)
    first, second, third, fourth = wanted
    taken: list[UnmeasuredBatch] = []
    while found := estimates.take_next(
        unit.database, 60, served=list(dict.fromkeys(taken_one.account_id for taken_one in taken))
    ):
        taken.append(found)
    assert {found.id for found in taken[:2]} == {first.id, third.id}
    assert {found.id for found in taken[2:]} == {second.id, fourth.id}


def test_what_is_waited_for_is_measured_before_the_rest_of_its_account(unit: Services) -> None:
    account, _ = make_account(unit)
    bulk, waited_for = make_batch(unit, account), make_batch(unit, account)
    accept(unit, bulk, None)
    accept(unit, replace(waited_for, waited_for=True), None)
    first = estimates.take_next(unit.database, 60)
    assert first is not None
    assert first.id == waited_for.id


def test_a_batch_that_its_worker_left_is_taken_again_when_its_lease_has_ended(
    unit: Services,
) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account), None)
    assert estimates.take_next(unit.database, lease_seconds=60) is not None
    assert estimates.take_next(unit.database, lease_seconds=60) is None
    with unit.database.transaction() as connection:
        connection.execute("UPDATE batches SET measuring_until = measuring_until - interval '61 s'")
    assert estimates.take_next(unit.database, lease_seconds=60) is not None


class CancellingStore(MemoryStore):
    """Runs `then` just before an original is read: what happens while a worker measures."""

    def __init__(self) -> None:
        super().__init__()
        self.then: Callable[[], object] = lambda: None
        self.prepare()

    def get(self, key: str) -> bytes:
        data = super().get(key)
        self.then()
        return data


@pytest.mark.parametrize("data", [png(), b"just text"], ids=["good", "bad"])
def test_an_image_that_is_cancelled_while_it_is_measured_stays_so(
    unit: Services, data: bytes
) -> None:
    store = CancellingStore()
    services = replace(unit, store=store)
    account, _ = make_account(services)
    batch = make_batch(services, account, data=data, session="s")
    accept(services, batch, None)
    store.then = lambda: sessions.cancel(services.database, account.id, "s")
    steps.measure(services, batch.id)
    view = views.view_batch(services.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ["cancelled"]
    assert estimated(unit) == 0
    assert credits.balance(services.database, account.id).images_used == 0


def test_an_image_in_work_is_not_refused_by_a_late_measuring(unit: Services) -> None:
    store = CancellingStore()
    services = replace(unit, store=store)
    account, _ = make_account(services)
    batch = make_batch(services, account, data=b"just text")
    (image_id,) = accept(services, batch, None)
    store.then = lambda: images.claim(services.database, OPTIMISE, image_id, 60)
    steps.measure(services, batch.id)
    assert views.view_batch(services.database, account.id, batch.id).images == []


def test_many_measurings_of_one_batch_send_and_end_each_image_once(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png", "c.txt"])
    replace_original(unit, batch.id, 2, b"just text")
    accept(unit, batch, None)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: steps.measure(unit, batch.id), range(6)))
    assert sent(unit) == 2
    view = views.view_batch(unit.database, account.id, batch.id)
    assert view.progress.failed == 1
    assert credits.balance(unit.database, account.id).images_used == 2


def test_a_message_has_a_batch_measured_made_and_closed(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png"])
    accept(unit, batch, None)
    with thread_worker(unit):
        unit.queue.publish_measuring(batch.id)
        assert eventually(lambda: sessions.is_batch_closed(unit.database, batch.id))
    view = views.view_batch(unit.database, account.id, batch.id)
    assert view.progress.completed == 2
