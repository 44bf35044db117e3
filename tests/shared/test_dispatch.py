"""Batches are sent to the workers within the window and fairly between accounts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

from shared import settings
from shared.clients.celery_queue import IMAGES_QUEUE, Queue, celery_app
from shared.db import images
from shared.db.image_states import OPTIMISE
from shared.dispatch import dispatch
from shared.errors import ImageError
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch, make_result


def published(services: Services) -> list[UUID]:
    with services.database.transaction() as connection:
        rows = connection.execute(
            "SELECT id FROM batches WHERE published_at IS NOT NULL ORDER BY published_at"
        ).fetchall()
    return [row["id"] for row in rows]


def test_an_idle_service_publishes_at_once(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png", "b.png"]))
    assert dispatch(unit.database, unit.queue, 40, 200) == 1
    assert unit.redis.llen(IMAGES_QUEUE) == 2


def test_a_backlog_stays_in_rows_while_the_window_is_full(unit: Services) -> None:
    account, _ = make_account(unit)
    for _ in range(10):
        accept(unit, make_batch(unit, account, ["a.png"] * 4))
    dispatch(unit.database, unit.queue, 8, 200)
    assert unit.redis.llen(IMAGES_QUEUE) == 8


def test_many_dispatchers_at_once_do_not_overshoot_the_window(unit: Services) -> None:
    account, _ = make_account(unit)
    for _ in range(20):
        accept(unit, make_batch(unit, account, ["a.png"] * 2))
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: dispatch(unit.database, unit.queue, 8, 200), range(10)))
    assert unit.redis.llen(IMAGES_QUEUE) == 8


def test_an_image_that_ends_makes_room_for_the_next_batch(unit: Services) -> None:
    account, _ = make_account(unit)
    (first,) = accept(unit, make_batch(unit, account))
    accept(unit, make_batch(unit, account))
    assert dispatch(unit.database, unit.queue, 1, 200) == 1
    claim = images.claim(unit.database, OPTIMISE, first, 60)
    assert claim is not None
    images.fail(unit.database, claim, ImageError("broken"))
    assert dispatch(unit.database, unit.queue, 1, 200) == 1


def test_a_small_account_does_not_wait_behind_a_large_ones_backlog(unit: Services) -> None:
    large, small = make_account(unit)[0], make_account(unit)[0]
    backlog = [make_batch(unit, large, ["a.png"] * 5) for _ in range(10)]
    for batch in backlog:
        accept(unit, batch)
    dispatch(unit.database, unit.queue, 1, 200)
    late = make_batch(unit, small)
    accept(unit, late)
    dispatch(unit.database, unit.queue, 6, 200)
    assert published(unit) == [backlog[0].id, late.id]


def test_a_publish_that_fails_leaves_the_batch_for_the_next_dispatch(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account))
    nowhere = settings.load(
        {
            "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there
            "DATABASE_URL": "postgresql://unused",
            "S3_ENDPOINT": "http://127.0.0.1:1",
            "S3_ACCESS_KEY": "unused",
            "S3_SECRET_KEY": "unused",
        }
    )
    broken = replace(unit, queue=Queue(celery_app(nowhere)))
    assert dispatch(broken.database, broken.queue, 40, 200) == 0
    assert published(unit) == []
    assert dispatch(unit.database, unit.queue, 40, 200) == 1


def hand_on(services: Services, image_id: UUID) -> None:
    claim = images.claim(services.database, OPTIMISE, image_id, 60)
    assert claim is not None
    assert images.mark_optimised(services.database, claim, make_result(preview_key="p"))


def test_images_that_wait_for_the_model_leave_the_window_to_others(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, ["a.png"] * 2, options=BOTH_TEXTS))
    accept(unit, make_batch(unit, account))
    assert dispatch(unit.database, unit.queue, 2, 200) == 1
    hand_on(unit, ids[0])
    assert dispatch(unit.database, unit.queue, 2, 200) == 1


def test_batches_with_ai_stay_in_a_window_of_their_own(unit: Services) -> None:
    account, _ = make_account(unit)
    for _ in range(2):
        accept(unit, make_batch(unit, account, options=BOTH_TEXTS))
    accept(unit, make_batch(unit, account))
    assert dispatch(unit.database, unit.queue, 40, 1) == 2  # one with AI, and the one without
