"""What the sweep looks for: claims whose worker was lost, silent messages, and what has expired.

Each statement takes a bounded number of rows. Rows change by compare-and-set or are taken with
SKIP LOCKED, so any number of sweeps may run at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from shared.db import stored
from shared.db.database import Database, Row
from shared.db.image_states import DESCRIBE, OPTIMISE, State, Step
from shared.db.images import FORGIVEN_SECONDS, ImageEnded
from shared.lanes import Lane
from shared.models import ClaimRef

_MANY = 500  # rows that one pass of one statement takes


@dataclass(frozen=True)
class LostClaim:
    """A claim whose lease or holder has ended.

    attempts: how often its step was claimed so far. ai: whether the image is described too.
    lane: the queue for pixels that it was sent to. seconds: since the claim was made.
    max_cpu_seconds: the image's estimate, 0 where it has none.
    """

    claim: ClaimRef
    step: Step
    attempts: int
    ai: bool
    lane: Lane
    seconds: float
    max_cpu_seconds: float


_CLAIMS = """
SELECT i.id AS image_id, i.batch_id, i.session_id, i.token, i.state, i.attempt,
    i.describe_attempt, i.ai, i.lane,
    coalesce(extract(epoch FROM now() - i.claimed_at), 0)::float8 AS seconds,
    coalesce(i.max_cpu_seconds, 0) AS max_cpu_seconds
FROM images AS i
WHERE i.state IN ('processing', 'describing') AND {condition}
ORDER BY i.lease_until LIMIT %s
"""


def lost_claims(database: Database) -> list[LostClaim]:
    """Claims whose lease has ended: their worker went silent."""
    return _claims(database, "i.lease_until < now()")


def claims_of(database: Database, holder: str) -> list[LostClaim]:
    """The claims of one process, by the name that it gave to `images.claim`."""
    return _claims(database, "i.claimed_by = %s", holder)


def claims_of_worker(database: Database, worker: str) -> list[LostClaim]:
    """The claims of all processes of one worker: holders named `worker/…`."""
    return _claims(database, "starts_with(i.claimed_by, %s)", f"{worker}/")


def _claims(database: Database, condition: LiteralString, *parameters: object) -> list[LostClaim]:
    found = []
    for row in database.execute(_CLAIMS.format(condition=condition), (*parameters, _MANY)):
        step = DESCRIBE if row.pop("state") == State.DESCRIBING else OPTIMISE
        attempts = {name: row.pop(name) for name in (OPTIMISE.attempts, DESCRIBE.attempts)}
        lane = Lane(row.pop("lane") or Lane.IMAGES)
        facts = {name: row.pop(name) for name in ("ai", "seconds", "max_cpu_seconds")}
        claim = ClaimRef(**row)
        found.append(LostClaim(claim, step, attempts[step.attempts], lane=lane, **facts))
    return found


# '-infinity' marks a lease that was ended here: until the sweep comes, another start may.
_END_LEASES = """
UPDATE images SET lease_until = '-infinity',
    {attempts} = {attempts} - (created_at > now() - make_interval(secs => %s))::int
WHERE state = '{works_in}' AND lease_until > '-infinity'
"""


def end_all_leases(database: Database) -> None:
    """Lets every claim be lost, so that the next sweep sends its image again.

    For a moment at which no worker runs. As in an outage, the attempt does not count for a young
    image: it was stopped together with the whole service.
    """
    with database.transaction() as connection:
        for step in (OPTIMISE, DESCRIBE):
            connection.execute(_END_LEASES.format(**vars(step)), (FORGIVEN_SECONDS,))


# An image that is born optimised has waited since it was sent.
_UNDESCRIBED = """
SELECT id FROM images WHERE state = 'optimised'
AND coalesce(optimised_at, published_at) < now() - make_interval(secs => %s) LIMIT %s
"""


def undescribed(database: Database, patience_seconds: int) -> list[UUID]:
    """Images that have waited so long for a worker to describe them."""
    return [row["id"] for row in _select(database, _UNDESCRIBED, patience_seconds, _MANY)]


_TAKE_SILENT = """
UPDATE images SET published_at = now(), describe_after = NULL FROM (
    SELECT id FROM images
    WHERE state = %s AND published_at IS NOT NULL AND ended_number IS NULL
    AND coalesce(describe_after, published_at + make_interval(secs => %s)) < now()
    AND id <> ALL(%s)
    LIMIT %s FOR UPDATE SKIP LOCKED) AS silent
WHERE images.id = silent.id RETURNING images.id, images.ai, images.lane
"""


def take_silent(database: Database, step: Step, seconds: int, held: Iterable[UUID]) -> list[Row]:
    """Takes images that still wait for the step `seconds` after their message was sent.

    Also those whose postponed description is due; not those whose message the broker has `held`.
    Marks them as published now, and returns `id`, `ai` and `lane` of each.
    """
    return _select(database, _TAKE_SILENT, step.waits_in, seconds, list(held), _MANY)


_TAKE_UNMEASURED = """
UPDATE batches SET measured_at = now() WHERE id IN (
    SELECT id FROM batches AS b
    WHERE coalesce(measured_at, created_at) < now() - make_interval(secs => %s) AND id <> ALL(%s)
    AND id IN (SELECT batch_id FROM images WHERE state = 'queued' AND cpu_seconds IS NULL)
    LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def take_unmeasured(database: Database, seconds: int, held: Iterable[UUID]) -> list[UUID]:
    """Takes batches that still have queued images without an estimate `seconds` after they were
    accepted, or sent for that; not those whose message the broker has `held`. Marks them as sent.
    """
    rows = _select(database, _TAKE_UNMEASURED, seconds, list(held), _MANY)
    return [row["id"] for row in rows]


_CLOSE_ENDED = """
UPDATE batches AS b SET closed_at = now(), ended = total WHERE id IN (
    SELECT id FROM batches AS o WHERE closed_at IS NULL
    AND (%(id)s::uuid IS NULL OR id = %(id)s)
    AND NOT EXISTS (SELECT FROM images WHERE batch_id = o.id AND ended_number IS NULL)
    LIMIT %(many)s FOR UPDATE SKIP LOCKED)
RETURNING id, session_id, EXISTS (SELECT FROM webhooks WHERE batch_id = b.id) AS has_webhook
"""


def close_ended_batches(database: Database, batch_id: UUID | None = None) -> list[ImageEnded]:
    """Closes batches whose images have all ended, if the last commit did not close them.

    All such batches, or only the one given.
    """
    with database.transaction() as connection:
        rows = connection.execute(_CLOSE_ENDED, {"id": batch_id, "many": _MANY}).fetchall()
    return [
        ImageEnded(row["session_id"], row["id"], batch_closed=True, has_webhook=row["has_webhook"])
        for row in rows
    ]


_WITH_INPUTS = """
SELECT id FROM batches WHERE closed_at IS NOT NULL AND inputs_deleted_at IS NULL
ORDER BY closed_at LIMIT %s
"""


def closed_with_inputs(database: Database) -> list[UUID]:
    """Closed batches whose originals are still stored."""
    return [row["id"] for row in _select(database, _WITH_INPUTS, _MANY)]


@dataclass(frozen=True)
class PlainInputs:
    """All inputs of a batch: originals by their indexes, and a watermark."""

    indexes: Sequence[int]
    watermark_key: str | None


_PLAIN_INPUTS = """
SELECT b.watermark_key, ARRAY(SELECT index FROM images WHERE batch_id = b.id) AS indexes
FROM batches AS b WHERE b.id = %s AND b.closed_at IS NOT NULL AND b.inputs_deleted_at IS NULL
AND b.options->>'brief' IS NULL AND NOT EXISTS (
    SELECT FROM images WHERE batch_id = b.id AND (state <> 'done' OR warnings <> '[]'))
"""


def plain_inputs(database: Database, batch_id: UUID) -> PlainInputs | None:
    """The inputs of a closed batch that may all be deleted; None for any other batch.

    Such a batch has no previews, and no image of it failed, so that none is kept for a retry.
    """
    for row in database.execute(_PLAIN_INPUTS, (batch_id,)):
        return PlainInputs(**row)
    return None


def note_inputs_deleted(database: Database, batch_id: UUID) -> None:
    """Records that a batch's originals are deleted."""
    database.execute(*stored.note_inputs_deleted(batch_id))


_WITH_EXPIRED_OUTPUTS = """
SELECT b.id FROM batches AS b JOIN sessions AS s ON s.id = b.session_id
WHERE b.closed_at IS NOT NULL AND b.outputs_deleted_at IS NULL
AND (b.closed_at < now() - make_interval(secs => %s) OR s.cancelled_at IS NOT NULL)
ORDER BY b.closed_at LIMIT %s
"""
_FORGET_OUTPUT_KEYS = """
UPDATE images SET output_key = NULL WHERE batch_id = %s AND output_key IS NOT NULL
"""
_NOTE_OUTPUTS_DELETED = "UPDATE batches SET outputs_deleted_at = now() WHERE id = %s"


def closed_with_expired_outputs(database: Database, output_seconds: int) -> list[UUID]:
    """Closed batches whose outputs have expired, or whose session was cancelled."""
    return [row["id"] for row in _select(database, _WITH_EXPIRED_OUTPUTS, output_seconds, _MANY)]


def note_outputs_deleted(database: Database, batch_id: UUID) -> None:
    """Records that a batch's outputs are deleted.

    In two statements, so that no lock order is needed.
    """
    _execute(database, _FORGET_OUTPUT_KEYS, batch_id)
    _execute(database, _NOTE_OUTPUTS_DELETED, batch_id)


_OLD_BATCHES = """
SELECT id FROM batches
WHERE closed_at < now() - make_interval(secs => %s) AND outputs_deleted_at IS NOT NULL
ORDER BY closed_at LIMIT %s
"""
_DELETE_IMAGES = "DELETE FROM images WHERE batch_id = %s"
_DELETE_BATCH = "DELETE FROM batches WHERE id = %s"


def old_batches(database: Database, keep_seconds: int) -> list[UUID]:
    """Batches that nobody can ask for any more."""
    return [row["id"] for row in _select(database, _OLD_BATCHES, keep_seconds, _MANY)]


def delete_batch(database: Database, batch_id: UUID) -> None:
    """Deletes the rows of a batch and its images."""
    _execute(database, _DELETE_IMAGES, batch_id)
    _execute(database, _DELETE_BATCH, batch_id)


_OLD_EMPTY_SESSIONS = """
SELECT id FROM sessions AS s WHERE created_at < now() - make_interval(secs => %s)
AND NOT EXISTS (SELECT FROM batches WHERE session_id = s.id)
LIMIT %s FOR UPDATE SKIP LOCKED
"""
# A statement of its own: only its snapshot sees a batch that was accepted while the first one
# waited. In one statement, that batch would be deleted with its session.
_DELETE_EMPTY_SESSIONS = """
DELETE FROM sessions AS s WHERE id = ANY(%s)
AND NOT EXISTS (SELECT FROM batches WHERE session_id = s.id)
"""


def delete_old_sessions(database: Database, keep_seconds: int) -> None:
    """Deletes sessions that are old and empty."""
    with database.transaction() as connection:
        rows = connection.execute(_OLD_EMPTY_SESSIONS, (keep_seconds, _MANY)).fetchall()
        connection.execute(_DELETE_EMPTY_SESSIONS, ([row["id"] for row in rows],))


_DELETE_OLD_KEYS = """
DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(secs => %s)
"""


def delete_old_idempotency_keys(database: Database, keep_seconds: int) -> None:
    """Deletes Idempotency-Keys that have expired."""
    _execute(database, _DELETE_OLD_KEYS, keep_seconds)


_IS_KNOWN = "SELECT 1 FROM batches WHERE id = %s"


def is_known_batch(database: Database, batch_id: UUID) -> bool:
    """Whether there is a row of that batch."""
    return bool(database.execute(_IS_KNOWN, (batch_id,)))


def _select(database: Database, statement: str, *parameters: object) -> list[Row]:
    with database.transaction() as connection:
        return connection.execute(statement, parameters).fetchall()


def _execute(database: Database, statement: str, *parameters: object) -> None:
    with database.transaction() as connection:
        connection.execute(statement, parameters)
