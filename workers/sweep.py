"""One pass of upkeep, from the rows: repairs what a message, a worker or a process has lost.

Any number of sweeps may run at once (`shared.db.upkeep`), and what is done to the store may be
done twice. No lock is held while the store works. Each pass does a bounded amount.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from redis.exceptions import RedisError

from shared.clients.celery_queue import (
    AI_QUEUE,
    DESCRIBE_TASK,
    EXPRESS_QUEUE,
    EXPRESS_TASK,
    IMAGES_QUEUE,
    IO_QUEUE,
    MEASURE_TASK,
    OPTIMISE_TASK,
)
from shared.clients.held_messages import held_ids
from shared.clients.object_store import ObjectStore, batch_prefix, inputs_prefix
from shared.db import images, upkeep, webhook_calls, webhook_secrets, work
from shared.db.database import Database
from shared.db.image_states import DESCRIBE, OPTIMISE
from shared.db.images import ImageEnded
from shared.errors import StoreError, UnavailableError
from shared.lanes import Lane
from shared.services import Services
from shared.settings import Settings
from workers import lost_claims
from workers.kept_inputs import kept_keys

logger = logging.getLogger(__name__)

_FILLED = "fluximage:filled"  # a key that is gone when Redis was emptied
_ON_ITS_WAY_SECONDS = 5  # rows are committed, or marked as published, before messages are sent
_STORE_FAULTS = 3  # in a row, after which a step leaves the store alone until the next pass


def sweep(services: Services, *, after_outage: bool = False) -> None:
    """One pass over everything. A step that fails is logged and does not hold up the others.

    after_outage: Postgres was down while leases of today ran, see `lost_claims.end`. Raises
    DatabaseDownError while Postgres is down: nothing could be done then.
    """
    database, store, settings = services.database, services.store, services.settings
    steps: tuple[Callable[[], object], ...] = (
        lambda: lost_claims.end(services, upkeep.lost_claims(database), after_outage=after_outage),
        lambda: _announce(services, end_undescribed(services)),
        lambda: _announce(services, upkeep.close_ended_batches(database)),
        lambda: remeasure(services),
        lambda: republish(services),
        lambda: webhook_calls.end_lost(database),
        services.dispatch,
        services.dispatch_calls,
        lambda: delete_inputs(database, store),
        lambda: delete_outputs(database, store, settings),
        lambda: forget_batches(database, store, settings),
        lambda: forget_sessions(database, settings),
        lambda: forget_webhooks(database, settings),
        lambda: work.delete_old(database),
    )
    for step in steps:
        database.ping()
        try:
            step()
        except (UnavailableError, RedisError) as error:
            logger.warning("a step of the sweep was cut short: %s", error)
        except Exception:
            logger.exception("a step of the sweep failed; the next sweep tries again")


def _announce(services: Services, ended: Iterable[ImageEnded]) -> None:
    for one in ended:
        services.announce(one)


def end_undescribed(services: Services) -> Iterator[ImageEnded]:
    """Delivers without text the images that no worker took in time."""
    database, settings = services.database, services.settings
    for image_id in upkeep.undescribed(database, settings.ai_patience_seconds):
        claim = images.claim(database, DESCRIBE, image_id, settings.lease_seconds)
        if claim and (ended := lost_claims.end_undescribed(services, claim)) is not None:
            yield ended


def remeasure(services: Services) -> int:
    """Has batches measured whose message was lost, or met a server that was down; returns how many.

    Soon, because nothing of such a batch goes out before.
    """
    wait_seconds = services.settings.republish_seconds
    held = held_ids(services.redis, [IO_QUEUE], MEASURE_TASK, wait_seconds)
    if held is None:
        return 0
    held |= held_ids(services.redis, [EXPRESS_QUEUE], EXPRESS_TASK, wait_seconds) or set()
    found = upkeep.take_unmeasured(services.database, _ON_ITS_WAY_SECONDS, held)
    for batch_id in found:
        services.queue.publish_measuring(batch_id)
    return len(found)


def republish(services: Services) -> int:
    """Sends again images that no worker took for a while, and whose message is gone.

    Returns how many. While its message lies in the broker an image only waits: another one would
    bring it no sooner.
    """
    client, queue, settings = services.redis, services.queue, services.settings
    seconds = settings.republish_seconds
    if client.set(_FILLED, 1, nx=True):  # Redis is new, or was emptied: no reason to wait
        seconds = min(seconds, _ON_ITS_WAY_SECONDS)
    sent = 0
    for step, names, task in (
        (OPTIMISE, (IMAGES_QUEUE, EXPRESS_QUEUE), OPTIMISE_TASK),
        (DESCRIBE, (AI_QUEUE,), DESCRIBE_TASK),
    ):
        held = held_ids(client, names, task, settings.republish_seconds)
        if held is None:
            continue
        for row in upkeep.take_silent(services.database, step, seconds, held):
            if step is OPTIMISE:
                queue.publish_image(row["id"], ai=row["ai"], lane=Lane(row["lane"] or Lane.IMAGES))
            else:
                queue.publish_description(row["id"])
            sent += 1
    return sent


def delete_inputs(database: Database, store: ObjectStore) -> None:
    """Deletes the originals and watermarks of batches that have ended, if no retry needs them."""
    ended = upkeep.closed_with_inputs(database)
    kept = partial(kept_keys, database)
    for batch_id in _delete_each(store, ended, inputs_prefix, kept):
        upkeep.note_inputs_deleted(database, batch_id)


def delete_outputs(database: Database, store: ObjectStore, settings: Settings) -> None:
    """Deletes outputs that have expired, and those of cancelled sessions, with kept inputs."""
    expired = upkeep.closed_with_expired_outputs(database, settings.output_seconds)
    for batch_id in _delete_each(store, expired, batch_prefix):
        upkeep.note_outputs_deleted(database, batch_id)


def forget_batches(database: Database, store: ObjectStore, settings: Settings) -> None:
    """Deletes the rows of batches that nobody can ask for any more, with all that is stored."""
    old = upkeep.old_batches(database, _keep_seconds(settings))
    for batch_id in _delete_each(store, old, batch_prefix):
        upkeep.delete_batch(database, batch_id)


def forget_sessions(database: Database, settings: Settings) -> None:
    """Deletes sessions that are old and empty, and Idempotency-Keys that have expired."""
    upkeep.delete_old_sessions(database, _keep_seconds(settings))
    upkeep.delete_old_idempotency_keys(database, settings.idempotency_seconds)


def forget_webhooks(database: Database, settings: Settings) -> None:
    """Deletes webhooks that ended as long ago as a batch is kept, and secrets that have expired."""
    webhook_calls.delete_old(database, _keep_seconds(settings))
    webhook_secrets.delete_expired(database)


def delete_orphans(database: Database, store: ObjectStore, older_seconds: int = 3600) -> int:
    """Deletes objects without a batch: never accepted, or deleted since; returns how many batches.

    Young ones are left: their request may still be accepted.
    """
    limit = datetime.now(UTC) - timedelta(seconds=older_seconds)
    orphans = 0
    for name in set(store.list_batches()):
        written = None if _is_known(database, name) else store.last_modified(f"{name}/")
        if written is not None and written < limit:
            store.delete_prefix(f"{name}/")
            orphans += 1
    return orphans


def _is_known(database: Database, name: str) -> bool:
    try:
        batch_id = UUID(name)
    except ValueError:
        return True  # not one of ours: the bucket may be shared
    return upkeep.is_known_batch(database, batch_id)


def _keep_seconds(settings: Settings) -> int:
    """How long a batch is kept: as long as its outputs and its Idempotency-Key."""
    return max(settings.output_seconds, settings.idempotency_seconds) + 60


def _delete_each(
    store: ObjectStore,
    batch_ids: list[UUID],
    prefix: Callable[[UUID], str],
    kept: Callable[[UUID], Collection[str]] = lambda _: (),
) -> Iterator[UUID]:
    """Deletes what is stored below each batch's prefix but `kept`, and yields the batches done.

    One that the store cannot delete is skipped; after three failures in a row the rest waits for
    the next pass.
    """
    faults = 0
    for batch_id in batch_ids:
        try:
            store.delete_prefix(prefix(batch_id), kept(batch_id))
        except StoreError:
            logger.warning("objects could not be deleted yet", extra={"batch": batch_id})
            if (faults := faults + 1) == _STORE_FAULTS:
                return
            continue
        faults = 0
        yield batch_id
