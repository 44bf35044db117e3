"""Upkeep from the rows, for whatever a message, a worker or a process has lost.

Every function takes what it can (SKIP LOCKED, or compare-and-set on a token), so that any
number of sweepers may run at once, and does a bounded amount of work.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared import images
from shared.database import Database, Row
from shared.dispatch import dispatch
from shared.errors import ImageError, UnavailableError
from shared.images import Closing
from shared.services import Services
from shared.settings import Settings
from shared.store import ObjectStore, inputs_prefix, outputs_prefix

logger = logging.getLogger(__name__)

_MANY = 500  # rows one statement takes in one pass


def sweep(services: Services) -> None:
    """One pass over everything; a server that is down ends it, and the next pass goes on."""
    for closing in end_lost_leases(services.database, services.settings):
        services.announce(closing)
    for batch in close_ended_batches(services.database):
        services.announce(batch)
    republish(services)
    dispatch(services.database, services.queue, services.settings.window_images)
    delete_inputs(services.database, services.store)
    delete_outputs(services.database, services.store, services.settings)
    forget(services.database, services.store, services.settings)


def end_lost_leases(database: Database, settings: Settings) -> Iterator[Closing]:
    """Puts images back whose worker went silent; ends those that used up their attempts."""
    with database.transaction() as connection:
        lost = connection.execute(
            "SELECT id, session_id, batch_id, attempt, token FROM images"
            " WHERE state = 'processing' AND lease_until < now() ORDER BY lease_until LIMIT %s",
            (_MANY,),
        ).fetchall()
    for row in lost:
        if row["attempt"] < settings.max_attempts:
            _requeue(database, row, settings)
            continue
        error = ImageError("The image could not be processed")
        closing = images.end_unsuccessfully(
            database, row["session_id"], row["batch_id"], row["id"], row["token"], error
        )
        if closing is not None:
            logger.error("an image used up its attempts", extra={"image": row["id"]})
            yield closing


def _requeue(database: Database, row: Row, settings: Settings) -> None:
    with database.transaction() as connection:
        connection.execute(
            # Stale at once, so that `republish` sends it in this very pass.
            "UPDATE images SET state = 'queued', token = NULL, lease_until = NULL,"
            " published_at = now() - make_interval(secs => %s) WHERE id = %s AND token = %s",
            (settings.republish_seconds + 1, row["id"], row["token"]),
        )
    logger.warning("a worker went silent; its image goes again", extra={"image": row["id"]})


def close_ended_batches(database: Database) -> list[Closing]:
    """Closes batches whose images have all ended, should their last commit not have done so."""
    with database.transaction() as connection:
        rows = connection.execute(
            "UPDATE batches AS b SET closed_at = now(), ended = total WHERE id IN ("
            " SELECT id FROM batches AS o WHERE closed_at IS NULL AND NOT EXISTS ("
            "  SELECT FROM images WHERE batch_id = o.id AND ended_number IS NULL)"
            " LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id, session_id",
            (_MANY,),
        ).fetchall()
    return [Closing(row["session_id"], row["id"], batch_closed=True) for row in rows]


def republish(services: Services) -> int:
    """Sends images again that were published and that nobody claimed for long."""
    with services.database.transaction() as connection:
        rows = connection.execute(
            "UPDATE images SET published_at = now() WHERE id IN ("
            " SELECT i.id FROM images AS i JOIN batches AS b ON b.id = i.batch_id"
            " WHERE i.state = 'queued' AND b.published_at IS NOT NULL"
            " AND coalesce(i.published_at, b.published_at) < now() - make_interval(secs => %s)"
            " LIMIT %s FOR UPDATE OF i SKIP LOCKED) RETURNING id",
            (services.settings.republish_seconds, _MANY),
        ).fetchall()
    for row in rows:
        services.queue.publish_image(row["id"])
    return len(rows)


def delete_inputs(database: Database, store: ObjectStore) -> None:
    """Deletes the originals and watermarks of batches that have ended."""
    with _taking(
        database,
        "UPDATE batches SET inputs_deleted_at = now() WHERE id IN (SELECT id FROM batches"
        " WHERE closed_at IS NOT NULL AND inputs_deleted_at IS NULL LIMIT %s"
        " FOR UPDATE SKIP LOCKED) RETURNING id",
        (_MANY,),
    ) as batch_ids:
        for batch_id in batch_ids:
            store.delete_prefix(inputs_prefix(batch_id))


def delete_outputs(database: Database, store: ObjectStore, settings: Settings) -> None:
    """Deletes outputs that have expired, and those of cancelled sessions."""
    with _taking(
        database,
        "WITH gone AS (UPDATE batches SET outputs_deleted_at = now() WHERE id IN ("
        " SELECT b.id FROM batches AS b JOIN sessions AS s ON s.id = b.session_id"
        " WHERE b.closed_at IS NOT NULL AND b.outputs_deleted_at IS NULL"
        " AND (b.closed_at < now() - make_interval(secs => %s) OR s.cancelled_at IS NOT NULL)"
        " LIMIT %s FOR UPDATE OF b SKIP LOCKED) RETURNING id), "
        "emptied AS (UPDATE images SET output_key = NULL FROM gone WHERE batch_id = gone.id)"
        " SELECT id FROM gone",
        (settings.output_seconds, _MANY),
    ) as batch_ids:
        for batch_id in batch_ids:
            store.delete_prefix(outputs_prefix(batch_id))


def forget(database: Database, store: ObjectStore, settings: Settings) -> None:
    """Deletes the rows of batches that nobody can ask for any more, with all they left behind.

    A batch outlives its outputs as long as its Idempotency-Key may come again.
    """
    keep_seconds = max(settings.output_seconds, settings.idempotency_seconds) + 60
    with _taking(
        database,
        "DELETE FROM batches WHERE id IN (SELECT id FROM batches"
        " WHERE closed_at < now() - make_interval(secs => %s) AND outputs_deleted_at IS NOT NULL"
        " LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id",
        (keep_seconds, _MANY),
    ) as batch_ids:
        for batch_id in batch_ids:
            store.delete_prefix(f"{batch_id}/")
    with database.transaction() as connection:
        connection.execute(
            "DELETE FROM sessions AS s WHERE created_at < now() - make_interval(secs => %s)"
            " AND NOT EXISTS (SELECT FROM batches WHERE session_id = s.id)",
            (keep_seconds,),
        )
        connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(secs => %s)",
            (settings.idempotency_seconds,),
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
    with database.transaction() as connection:
        row = connection.execute("SELECT 1 FROM batches WHERE id = %s", (batch_id,)).fetchone()
    return row is not None


@contextmanager
def _taking(
    database: Database, statement: str, parameters: tuple[int, ...]
) -> Iterator[list[UUID]]:
    """Rows changed together with what the block does to the store: both, or neither."""
    try:
        with database.transaction() as connection:
            rows = connection.execute(statement, parameters).fetchall()
            yield [row["id"] for row in rows]
    except UnavailableError:
        logger.warning("objects could not be deleted; the next sweep tries again")
