"""Upkeep from the rows, for whatever a message, a worker or a process has lost.

Any number of sweepers may run at once: rows change by compare-and-set or are taken with SKIP
LOCKED, and what is done to the store may be done twice. No lock is held while the store works.
Each pass does a bounded amount.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from redis.exceptions import RedisError

from shared.clients.celery_queue import AI_QUEUE, IMAGES_QUEUE
from shared.clients.object_store import ObjectStore, inputs_prefix, outputs_prefix
from shared.db import descriptions, images
from shared.db.database import Database, Row
from shared.db.images import Closing
from shared.errors import AiUnreachableError, ImageError, StoreError, UnavailableError
from shared.models import Description, Held, Notice, State
from shared.services import Services
from shared.settings import Settings

logger = logging.getLogger(__name__)

_MANY = 500  # rows that one pass of one step takes
_HELD = "id AS image_id, batch_id, session_id, token"
_STORE_FAULTS = 3  # in a row, after which a step leaves the store alone until the next pass


def sweep(services: Services) -> None:
    """One pass over everything. A step that fails is logged and does not keep the others back.

    Raises UnavailableError when Postgres is away: nothing could be done then.
    """
    database, store, settings = services.database, services.store, services.settings
    steps: tuple[Callable[[], object], ...] = (
        lambda: _announce(services, end_lost_leases(database, settings)),
        lambda: _announce(services, end_undescribed(database, settings)),
        lambda: _announce(services, close_ended_batches(database)),
        lambda: republish(services),
        services.dispatch,
        lambda: delete_inputs(database, store),
        lambda: delete_outputs(database, store, settings),
        lambda: forget_batches(database, store, settings),
        lambda: forget_sessions(database, settings),
    )
    for step in steps:
        database.ping()
        try:
            step()
        except (UnavailableError, RedisError) as error:
            logger.warning("a step of the sweep was cut short: %s", error)
        except Exception:
            logger.exception("a step of the sweep failed; the next sweep tries again")


def _announce(services: Services, closings: Iterable[Closing]) -> None:
    for closing in closings:
        services.announce(closing)


def end_lost_leases(database: Database, settings: Settings) -> Iterator[Closing]:
    """Puts images back whose worker went silent; ends those that used up their attempts."""
    lost = _select(
        database,
        f"SELECT {_HELD}, state, attempt, describe_attempt FROM images"  # noqa: S608 - our own words
        " WHERE state IN ('processing', 'describing') AND lease_until < now()"
        " ORDER BY lease_until LIMIT %s",
        _MANY,
    )
    for row in lost:
        describing = row.pop("state") == State.DESCRIBING
        tried, described = row.pop("attempt"), row.pop("describe_attempt")
        held = Held(**row)
        logger.warning("a worker went silent", extra={"image": held.image_id})
        if describing and described < settings.max_attempts:
            descriptions.unclaim(database, held, used=True)
        elif describing:
            yield from _end_undescribed(database, held)
        elif tried < settings.max_attempts:
            _requeue(database, held, settings)
        else:
            error = ImageError("The image could not be processed")
            yield from _if_any(images.fail(database, held, error))


def end_undescribed(database: Database, settings: Settings) -> Iterator[Closing]:
    """Delivers images without a text that no worker came to describe."""
    waiting = _select(
        database,
        "SELECT id FROM images WHERE state = 'optimised'"
        " AND optimised_at < now() - make_interval(secs => %s) LIMIT %s",
        settings.ai_patience_seconds,
        _MANY,
    )
    for row in waiting:
        claim = descriptions.claim(database, row["id"], settings.lease_seconds)
        if claim is not None:
            yield from _end_undescribed(database, claim)


def _end_undescribed(database: Database, held: Held) -> Iterator[Closing]:
    notice = Notice(AiUnreachableError.code, "The image could not be described in time")
    yield from _if_any(descriptions.complete(database, held, Description(), notice))


def _if_any(closing: Closing | None) -> Iterator[Closing]:
    if closing is not None:
        yield closing


def _requeue(database: Database, held: Held, settings: Settings) -> None:
    _execute(
        database,
        # Stale at once, so that `republish` sends it in this very pass.
        "UPDATE images SET state = 'queued', token = NULL, lease_until = NULL,"
        " published_at = now() - make_interval(secs => %s) WHERE id = %s AND token = %s",
        settings.republish_seconds + 1,
        held.image_id,
        held.token,
    )


def close_ended_batches(database: Database, batch_id: UUID | None = None) -> list[Closing]:
    """Closes batches whose images have all ended, should their last commit not have done so.

    All such batches, or the one given.
    """
    with database.autocommit() as connection:
        rows = connection.execute(
            "UPDATE batches AS b SET closed_at = now(), ended = total WHERE id IN ("
            " SELECT id FROM batches AS o WHERE closed_at IS NULL"
            " AND (%(id)s::uuid IS NULL OR id = %(id)s)"
            " AND NOT EXISTS (SELECT FROM images WHERE batch_id = o.id AND ended_number IS NULL)"
            " LIMIT %(many)s FOR UPDATE SKIP LOCKED) RETURNING id, session_id",
            {"id": batch_id, "many": _MANY},
        ).fetchall()
    return [Closing(row["session_id"], row["id"], batch_closed=True) for row in rows]


def republish(services: Services) -> int:
    """Sends images again that were published and that nobody claimed for long; gives how many.

    Not while the broker holds a windowful that no worker takes: that would only add to it.
    """
    settings, sent = services.settings, 0
    if services.redis.llen(IMAGES_QUEUE) < settings.window_images:
        for row in _silent(services.database, State.QUEUED, settings.republish_seconds):
            services.queue.publish_image(row["id"], ai=row["ai"])
            sent += 1
    if services.redis.llen(AI_QUEUE) < settings.ai_window_images:
        for row in _silent(services.database, State.OPTIMISED, settings.republish_seconds):
            services.queue.publish_description(row["id"])
            sent += 1
    return sent


def _silent(database: Database, state: State, seconds: int) -> list[Row]:
    """Takes note that images of that state are sent again, and gives their ids.

    Those whose message is so many seconds old, and those whose limits let them go on now.
    """
    with database.autocommit() as connection:
        return connection.execute(
            "UPDATE images SET published_at = now(), describe_after = NULL FROM ("
            " SELECT i.id, b.options->>'brief' IS NOT NULL AS ai"
            " FROM images AS i JOIN batches AS b ON b.id = i.batch_id"
            " WHERE i.state = %s AND b.published_at IS NOT NULL AND b.closed_at IS NULL"
            " AND coalesce(i.describe_after, coalesce(i.published_at, b.published_at)"
            "     + make_interval(secs => %s)) < now()"
            " LIMIT %s FOR UPDATE OF i SKIP LOCKED) AS silent"
            " WHERE images.id = silent.id RETURNING images.id, silent.ai",
            (state, seconds, _MANY),
        ).fetchall()


def delete_inputs(database: Database, store: ObjectStore) -> None:
    """Deletes the originals and watermarks of batches that have ended."""
    rows = _select(
        database,
        "SELECT id FROM batches WHERE closed_at IS NOT NULL AND inputs_deleted_at IS NULL"
        " ORDER BY closed_at LIMIT %s",
        _MANY,
    )
    for batch_id in _emptied(store, rows, inputs_prefix):
        mark_inputs_deleted(database, batch_id)


def mark_inputs_deleted(database: Database, batch_id: UUID) -> None:
    """Notes that nothing is left to delete of a batch's originals."""
    _execute(database, "UPDATE batches SET inputs_deleted_at = now() WHERE id = %s", batch_id)


def delete_outputs(database: Database, store: ObjectStore, settings: Settings) -> None:
    """Deletes outputs that have expired, and those of cancelled sessions."""
    rows = _select(
        database,
        "SELECT b.id FROM batches AS b JOIN sessions AS s ON s.id = b.session_id"
        " WHERE b.closed_at IS NOT NULL AND b.outputs_deleted_at IS NULL"
        " AND (b.closed_at < now() - make_interval(secs => %s) OR s.cancelled_at IS NOT NULL)"
        " ORDER BY b.closed_at LIMIT %s",
        settings.output_seconds,
        _MANY,
    )
    for batch_id in _emptied(store, rows, outputs_prefix):
        # Statements of their own, as everywhere here: no order of locks to keep.
        _execute(
            database,
            "UPDATE images SET output_key = NULL WHERE batch_id = %s AND output_key IS NOT NULL",
            batch_id,
        )
        _execute(database, "UPDATE batches SET outputs_deleted_at = now() WHERE id = %s", batch_id)


def forget_batches(database: Database, store: ObjectStore, settings: Settings) -> None:
    """Deletes the rows of batches that nobody can ask for any more, with all they left behind."""
    rows = _select(
        database,
        "SELECT id FROM batches WHERE closed_at < now() - make_interval(secs => %s)"
        " AND outputs_deleted_at IS NOT NULL ORDER BY closed_at LIMIT %s",
        _keep_seconds(settings),
        _MANY,
    )
    for batch_id in _emptied(store, rows, lambda batch_id: f"{batch_id}/"):
        _execute(database, "DELETE FROM images WHERE batch_id = %s", batch_id)
        _execute(database, "DELETE FROM batches WHERE id = %s", batch_id)


def forget_sessions(database: Database, settings: Settings) -> None:
    """Deletes sessions that are old and empty, and Idempotency-Keys that are over."""
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT id FROM sessions AS s WHERE created_at < now() - make_interval(secs => %s)"
            " AND NOT EXISTS (SELECT FROM batches WHERE session_id = s.id)"
            " LIMIT %s FOR UPDATE SKIP LOCKED",
            (_keep_seconds(settings), _MANY),
        ).fetchall()
        # A statement of its own: only its snapshot sees a batch that was accepted while the
        # first one waited. In one statement, that batch would be deleted with its session.
        connection.execute(
            "DELETE FROM sessions AS s WHERE id = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM batches WHERE session_id = s.id)",
            ([row["id"] for row in rows],),
        )
    _execute(
        database,
        "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(secs => %s)",
        settings.idempotency_seconds,
    )


def delete_strays(database: Database, store: ObjectStore, older_seconds: int = 3600) -> int:
    """Deletes objects of batches that were never accepted or are forgotten; gives how many.

    Young ones are left: their request may be on its way to being accepted.
    """
    limit = datetime.now(UTC) - timedelta(seconds=older_seconds)
    strays = 0
    for name in set(store.list_batches()):
        written = None if _is_known(database, name) else store.last_modified(f"{name}/")
        if written is not None and written < limit:
            store.delete_prefix(f"{name}/")
            strays += 1
    return strays


def _is_known(database: Database, name: str) -> bool:
    try:
        batch_id = UUID(name)
    except ValueError:
        return True  # not one of ours: the bucket may be shared
    return bool(_select(database, "SELECT 1 AS found FROM batches WHERE id = %s", batch_id))


def _keep_seconds(settings: Settings) -> int:
    """A batch outlives its outputs as long as its Idempotency-Key may come again."""
    return max(settings.output_seconds, settings.idempotency_seconds) + 60


def _select(database: Database, statement: str, *parameters: object) -> list[Row]:
    with database.autocommit() as connection:
        return connection.execute(statement, parameters).fetchall()


def _execute(database: Database, statement: str, *parameters: object) -> None:
    with database.autocommit() as connection:
        connection.execute(statement, parameters)


def _emptied(store: ObjectStore, rows: list[Row], prefix: Callable[[UUID], str]) -> Iterator[UUID]:
    """Deletes below the prefix of each batch, and yields those that are rid of it.

    One that the store does not let go is passed over; a store that is down is left alone.
    """
    faults = 0
    for row in rows:
        try:
            store.delete_prefix(prefix(row["id"]))
        except StoreError:
            logger.warning("objects could not be deleted yet", extra={"batch": row["id"]})
            if (faults := faults + 1) == _STORE_FAULTS:
                return
            continue
        faults = 0
        yield row["id"]
