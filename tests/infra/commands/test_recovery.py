"""What an `up` that was killed held: free at the next start, and not minutes later."""

from typing import Any

from infra.commands.recovery import free_what_the_dead_held
from shared.clients.celery_queue import IMAGES_QUEUE, celery_app
from shared.db import images
from shared.db.image_states import OPTIMISE
from shared.services import Services
from tests.support.making import accept, make_account, make_batch
from workers import sweep

ALL = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT")


def states(services: Services) -> list[tuple[str, int]]:
    with services.database.transaction() as connection:
        rows = connection.execute("SELECT state, attempt FROM images").fetchall()
    return [(row["state"], row["attempt"]) for row in rows]


def claim_one(services: Services) -> None:
    account, _ = make_account(services)
    batch = make_batch(services, account)
    accept(services, batch)
    services.dispatch()
    (image,) = batch.images
    assert images.claim(services.database, OPTIMISE, image.id, lease_seconds=1000)


def test_a_claim_is_free_at_once_and_its_attempt_does_not_count(unit: Services) -> None:
    claim_one(unit)
    for _ in range(2):  # the second start comes before a sweep
        free_what_the_dead_held(unit.database, unit.settings, ALL)
    assert states(unit) == [("processing", 0)]
    sweep.sweep(unit)
    assert states(unit) == [("queued", 0)]


def test_a_claim_in_a_database_of_the_operators_may_live_elsewhere(unit: Services) -> None:
    claim_one(unit)
    free_what_the_dead_held(unit.database, unit.settings, ("REDIS_URL",))
    sweep.sweep(unit)
    assert states(unit) == [("processing", 1)]


def test_a_message_that_was_fetched_and_not_finished_is_in_the_queue_again(unit: Services) -> None:
    with celery_app(unit.settings).connection_for_write() as connection:
        queue = connection.SimpleQueue(IMAGES_QUEUE)
        queue.put("one")
        queue.get()  # as a worker does; it never says that it is done
        channel: Any = connection.default_channel
        channel.qos.restore_at_shutdown = False  # nor does it leave in order
    assert unit.redis.llen(IMAGES_QUEUE) == 0
    free_what_the_dead_held(unit.database, unit.settings, ALL)
    assert unit.redis.llen(IMAGES_QUEUE) == 1
