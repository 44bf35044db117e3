"""Images are sent to the workers while there is room, and fairly between accounts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from shared import settings
from shared.clients.celery_queue import AI_QUEUE, EXPRESS_QUEUE, IMAGES_QUEUE, Queue, celery_app
from shared.db import images
from shared.db.estimates import Estimate
from shared.db.image_states import OPTIMISE
from shared.dispatch import dispatch
from shared.errors import ImageError
from shared.lanes import Windows
from shared.services import Services
from tests.support.making import BOTH_TEXTS, SMALL, accept, make_account, make_batch, make_result

WINDOWS = Windows(40, 200)
LARGE = Estimate(cpu_seconds=5, max_cpu_seconds=20, memory_bytes=500_000_000)
MEDIUM = Estimate(cpu_seconds=0.1, max_cpu_seconds=5, memory_bytes=50_000_000)


def sent(services: Services) -> list[UUID]:
    with services.database.transaction() as connection:
        rows = connection.execute(
            "SELECT id FROM images WHERE published_at IS NOT NULL ORDER BY published_at, index"
        ).fetchall()
    return [row["id"] for row in rows]


def waiting(services: Services) -> tuple[int, int]:
    """Messages in the lanes `images` and `express`."""
    return services.redis.llen(IMAGES_QUEUE), services.redis.llen(EXPRESS_QUEUE)


def claim(services: Services, *ids: UUID) -> None:
    for image_id in ids:
        assert images.claim(services.database, OPTIMISE, image_id, 60) is not None


def end(services: Services, image_id: UUID, cpu_seconds: float = 0) -> None:
    found = images.claim(services.database, OPTIMISE, image_id, 60)
    assert found is not None
    images.fail(services.database, found, ImageError("broken"), cpu_seconds)


def test_an_idle_service_sends_small_images_at_once(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png", "b.png"]), estimate=SMALL)
    assert dispatch(unit.database, unit.queue, WINDOWS) == 2
    assert waiting(unit) == (1, 1)


def test_an_image_that_is_not_measured_is_not_sent(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account), estimate=None)
    assert dispatch(unit.database, unit.queue, WINDOWS) == 0


def test_no_more_large_images_wait_than_are_processed(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, ["a.png"] * 9), estimate=LARGE)
    unit.dispatch()
    assert sent(unit) == ids[:1]
    claim(unit, ids[0])
    unit.dispatch()
    assert sent(unit) == ids[:2]
    claim(unit, ids[1])
    unit.dispatch()
    assert sent(unit) == ids[:4]


def test_short_images_wait_in_the_broker_while_their_work_is_little(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png"] * 20), estimate=MEDIUM)
    unit.dispatch()
    assert waiting(unit) == (5, 0)


def test_many_dispatchers_at_once_do_not_overshoot_the_window(unit: Services) -> None:
    account, _ = make_account(unit)
    for _ in range(20):
        accept(unit, make_batch(unit, account, ["a.png"] * 2))
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: dispatch(unit.database, unit.queue, Windows(8, 200)), range(10)))
    assert waiting(unit) == (8, 0)


def test_an_image_that_is_claimed_makes_room_for_the_next(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, ["a.png"] * 3), estimate=LARGE)
    unit.dispatch()
    assert dispatch(unit.database, unit.queue, WINDOWS) == 0
    claim(unit, ids[0])
    assert dispatch(unit.database, unit.queue, WINDOWS) == 1


def test_a_large_accounts_backlog_delays_no_other(unit: Services) -> None:
    large, small = make_account(unit)[0], make_account(unit)[0]
    theirs = accept(unit, make_batch(unit, large, ["a.png"] * 20), estimate=LARGE)
    unit.dispatch()
    (late,) = accept(unit, make_batch(unit, small), estimate=LARGE)
    claim(unit, theirs[0])
    unit.dispatch()
    assert sent(unit) == [theirs[0], late]


@pytest.mark.parametrize("waited_for", [True, False])
def test_a_small_image_passes_its_own_accounts_backlog_if_it_is_waited_for(
    unit: Services, *, waited_for: bool
) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png"] * 20), estimate=LARGE)
    unit.dispatch()
    batch = replace(make_batch(unit, account), waited_for=waited_for)
    accept(unit, batch, estimate=SMALL)
    unit.dispatch()
    assert waiting(unit) == (1, int(waited_for))


@pytest.mark.parametrize("waited_for", [True, False])
def test_only_what_is_waited_for_queues_in_the_lane_express(
    unit: Services, *, waited_for: bool
) -> None:
    for _ in range(4):
        batch = make_batch(unit, make_account(unit)[0], ["a.png"] * 2)
        accept(unit, replace(batch, waited_for=waited_for), estimate=SMALL)
    unit.dispatch()
    assert waiting(unit)[1] == (4 if waited_for else 1)


def test_an_account_ahead_of_its_share_takes_no_turn_in_the_lane_express(unit: Services) -> None:
    ahead, behind = make_account(unit)[0], make_account(unit)[0]
    large, *_ = accept(unit, make_batch(unit, ahead, ["a.png"]), estimate=LARGE)
    accept(unit, make_batch(unit, behind, ["a.png"] * 9), estimate=LARGE)
    unit.dispatch()
    end(unit, large, cpu_seconds=1)
    accept(unit, make_batch(unit, ahead), estimate=SMALL)
    unit.dispatch()
    assert waiting(unit)[1] == 0


def test_what_a_request_waits_for_goes_before_the_accounts_own_backlog(unit: Services) -> None:
    account, _ = make_account(unit)
    first, *_ = accept(unit, make_batch(unit, account, ["a.png"] * 5), estimate=LARGE)
    unit.dispatch()
    batch = replace(make_batch(unit, account), waited_for=True)
    (wanted,) = accept(unit, batch, estimate=LARGE)
    claim(unit, first)
    unit.dispatch()
    assert sent(unit) == [first, wanted]


def test_work_that_was_underestimated_puts_its_account_behind(unit: Services) -> None:
    cheat, honest = make_account(unit)[0], make_account(unit)[0]
    cheats = accept(unit, make_batch(unit, cheat, ["a.png"] * 4), estimate=MEDIUM)
    others = accept(unit, make_batch(unit, honest, ["a.png"] * 4), estimate=LARGE)
    dispatch(unit.database, unit.queue, Windows(1, 200))
    end(unit, cheats[0], cpu_seconds=12)  # 0.1 estimated
    for image_id in others[:3]:
        dispatch(unit.database, unit.queue, Windows(1, 200))
        end(unit, image_id, cpu_seconds=5)
    dispatch(unit.database, unit.queue, Windows(1, 200))
    assert sent(unit) == [cheats[0], *others[:3], cheats[1]]


def test_an_image_that_waits_for_memory_holds_back_only_what_needs_as_much(unit: Services) -> None:
    account, _ = make_account(unit)
    (held,) = accept(unit, make_batch(unit, account), estimate=LARGE)
    unit.dispatch()
    with unit.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET published_at = NULL, not_before = now() + interval '1 h',"
            " memory_waits = 1"
        )
    (as_large,) = accept(unit, make_batch(unit, account), estimate=LARGE)
    fits = replace(LARGE, memory_bytes=LARGE.memory_bytes - 1)
    (smaller,) = accept(unit, make_batch(unit, account), estimate=fits)
    unit.dispatch()
    claim(unit, smaller)
    assert dispatch(unit.database, unit.queue, WINDOWS) == 0
    with unit.database.transaction() as connection:
        connection.execute("UPDATE images SET not_before = now() WHERE id = %s", (held,))
    unit.dispatch()
    claim(unit, held)
    unit.dispatch()
    claim(unit, as_large)


def test_a_publish_that_fails_leaves_the_images_for_the_next_dispatch(unit: Services) -> None:
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
    assert dispatch(broken.database, broken.queue, WINDOWS) == 0
    assert sent(unit) == []
    assert dispatch(unit.database, unit.queue, WINDOWS) == 1


def test_images_that_wait_for_the_model_leave_the_room_to_others(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png"] * 2, options=BOTH_TEXTS)
    first, second = accept(unit, batch, estimate=LARGE)
    unit.dispatch()
    found = images.claim(unit.database, OPTIMISE, first, 60)
    assert found is not None
    assert images.mark_optimised(unit.database, found, make_result(preview_key="p"))
    unit.dispatch()
    assert sent(unit) == [first, second]


def test_images_with_ai_stay_in_a_window_of_their_own(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png"] * 3, options=BOTH_TEXTS))
    accept(unit, make_batch(unit, account))
    # One with AI, and the one without.
    assert dispatch(unit.database, unit.queue, Windows(40, 1)) == 2


def test_an_image_that_only_lacks_its_text_goes_to_the_model(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account, options=BOTH_TEXTS))
    with unit.database.transaction() as connection:
        connection.execute("ALTER TABLE images DISABLE TRIGGER images_keep_to_transitions")
        connection.execute("UPDATE images SET state = 'optimised', published_at = NULL")
        connection.execute("ALTER TABLE images ENABLE TRIGGER images_keep_to_transitions")
    unit.dispatch()
    assert sent(unit) == [image_id]
    assert unit.redis.llen(AI_QUEUE) == 1
