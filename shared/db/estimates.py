"""Estimates of what images will cost: which images lack one, and how those of a batch are saved.

The dispatcher sends no image without an estimate, so that of a batch all can go out, or none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.db import credits, image_states, work
from shared.db.database import NOT_DURABLE, Database, Row
from shared.db.images import ImageEnded, count_end, next_ended_number
from shared.lanes import EXPRESS_BYTES
from shared.models import ImageRef, Options


@dataclass(frozen=True)
class Estimate:
    """cpu_seconds: as expected. max_cpu_seconds, memory_bytes: for any pixels of that size."""

    cpu_seconds: float
    max_cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Refusal:
    """Why an image cannot be made: the code and the message that its client gets."""

    code: str
    message: str


@dataclass(frozen=True)
class UnmeasuredImage:
    """A queued image without an estimate. size: of its original, in bytes."""

    id: UUID
    index: int
    size: int


@dataclass(frozen=True)
class UnmeasuredBatch:
    """A batch with at least one such image."""

    id: UUID
    session_id: UUID
    account_id: int
    session_name: str
    options: Options
    waited_for: bool
    images: Sequence[UnmeasuredImage]


_UNMEASURED = """
SELECT i.batch_id, i.id, i.index, i.original_size AS size, i.waited_for, b.session_id, b.account_id,
    b.options, s.name AS session_name
FROM images AS i JOIN batches AS b ON b.id = i.batch_id JOIN sessions AS s ON s.id = b.session_id
"""
_IS_UNMEASURED = "i.state = 'queued' AND i.cpu_seconds IS NULL ORDER BY i.index"
# The accounts with an image to measure, by a walk from one to the next in the index.
_TAKE_NEXT = """
WITH RECURSIVE waiting (id) AS (
    SELECT min(account_id) FROM images WHERE state = 'queued' AND cpu_seconds IS NULL
    UNION ALL
    SELECT (SELECT min(account_id) FROM images
        WHERE state = 'queued' AND cpu_seconds IS NULL AND account_id > waiting.id)
    FROM waiting WHERE id IS NOT NULL),
next AS (
    SELECT first.batch_id FROM waiting, LATERAL (
        SELECT i.batch_id FROM images AS i JOIN batches AS b ON b.id = i.batch_id
        WHERE i.account_id = waiting.id AND i.state = 'queued' AND i.cpu_seconds IS NULL
        AND {condition}
        AND (b.measuring_until IS NULL OR b.measuring_until < now())
        AND (i.account_id, i.waited_for)
            NOT IN (SELECT * FROM unnest(%(busy_ids)s::bigint[], %(busy_waited)s::boolean[]))
        ORDER BY i.waited_for DESC, i.created_at LIMIT 1) AS first
    ORDER BY array_position(%(served)s::bigint[], waiting.id) NULLS FIRST),
taken AS (
    UPDATE batches SET measuring_until = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = (SELECT id FROM batches WHERE id IN (SELECT batch_id FROM next LIMIT 1)
        FOR UPDATE SKIP LOCKED) AND {not_durable}
    RETURNING id)
{unmeasured} WHERE i.batch_id = (SELECT id FROM taken) AND {is_unmeasured}
"""
# Two statements, since the plan of one with a parameter would not use the index for `express`.
_PARTS = {
    "not_durable": NOT_DURABLE,
    "unmeasured": _UNMEASURED,
    "is_unmeasured": _IS_UNMEASURED,
}
_TAKE_NEXT_EXPRESS = _TAKE_NEXT.format(
    condition=f"i.waited_for AND NOT i.ai AND b.total = 1 AND i.original_size <= {EXPRESS_BYTES}",
    **_PARTS,
)
_TAKE_NEXT_OF_ALL = _TAKE_NEXT.format(condition="true", **_PARTS)


def take_next(
    database: Database,
    lease_seconds: int,
    *,
    busy: Collection[tuple[int, bool]] = (),
    served: Sequence[int] = (),
    express: bool = False,
) -> UnmeasuredBatch | None:
    """The batch to measure next, which no other worker takes for `lease_seconds`.

    That is one of the account that comes last in `served`, or not at all: those that are waited for
    first, then the oldest. busy: accounts whose batches are left out, with whether those that are
    waited for are. express: only those that `NewBatch.is_express`. Returns None where no batch is
    left.
    """
    ids, waited = [one for one, _ in busy], [one for _, one in busy]
    values = {
        "busy_ids": ids,
        "busy_waited": waited,
        "served": list(served),
        "lease_seconds": lease_seconds,
    }
    statement = _TAKE_NEXT_EXPRESS if express else _TAKE_NEXT_OF_ALL
    return _batch(database.execute(statement, values))


_GIVE_BACK = f"""
UPDATE batches SET measuring_until = NULL WHERE id = %s AND {NOT_DURABLE}
"""  # noqa: S608 - our own constant


def give_back(database: Database, batch_id: UUID) -> None:
    """Lets another worker take the batch at once."""
    database.execute(_GIVE_BACK, (batch_id,))


def unmeasured(database: Database, batch_id: UUID) -> UnmeasuredBatch | None:
    """The batch, with those of its images that lack an estimate; None where none does."""
    statement = f"{_UNMEASURED} WHERE i.batch_id = %s AND {_IS_UNMEASURED}"
    return _batch(database.execute(statement, (batch_id,)))


def _batch(rows: Sequence[Row]) -> UnmeasuredBatch | None:
    if not rows:
        return None
    first = rows[0]
    return UnmeasuredBatch(
        id=first["batch_id"],
        session_id=first["session_id"],
        account_id=first["account_id"],
        session_name=first["session_name"],
        options=Options.from_json(first["options"]),
        waited_for=first["waited_for"],
        images=[UnmeasuredImage(row["id"], row["index"], row["size"]) for row in rows],
    )


# Not of an image that another run has measured meanwhile: it may be sent, and is counted by that.
# Rows are locked in the order of `shared.db.images`: `image` reads `saved`, which reads `session`.
_SAVE = f"""
WITH session AS (SELECT FROM sessions WHERE id = %(session_id)s FOR NO KEY UPDATE),
saved AS (
    UPDATE images AS i
    SET cpu_seconds = new.cpu, max_cpu_seconds = new.max_cpu, memory_bytes = new.memory
    FROM session, unnest(%(ids)s::uuid[], %(cpu)s::float8[], %(max_cpu)s::float8[],
        %(memory)s::bigint[]) AS new (id, cpu, max_cpu, memory)
    WHERE i.id = new.id AND i.state = 'queued' AND i.cpu_seconds IS NULL RETURNING i.id),
image AS (
    SELECT account_id, lane, attempt, cpu_seconds
    FROM images, (SELECT count(*) FROM saved) AS all_saved WHERE id = %(image_id)s),
{work.ADD} SELECT FROM worked
"""  # noqa: S608 - our own constants
_SAVE_NOT_DURABLE = f"{_SAVE} WHERE {NOT_DURABLE}"


def save(
    database: Database,
    batch: UnmeasuredBatch,
    estimates: Mapping[UUID, Estimate],
    refused: Mapping[UUID, Refusal],
    cpu_seconds: float,
) -> list[ImageEnded]:
    """Writes the estimates, and fails the images that are refused; returns those that ended.

    estimates, refused: by the image's id. cpu_seconds: what measuring took. What a refused image
    had reserved is released. Nothing happens to images that do not wait any more.
    """
    values = {
        "session_id": batch.session_id,
        "ids": list(estimates),
        "cpu": [one.cpu_seconds for one in estimates.values()],
        "max_cpu": [one.max_cpu_seconds for one in estimates.values()],
        "memory": [one.memory_bytes for one in estimates.values()],
        "image_id": batch.images[0].id,
        "run_seconds": cpu_seconds,
    }
    if not refused:
        database.execute(_SAVE_NOT_DURABLE, values)
        return []
    ids: list[UUID] = []
    with database.transaction() as connection:
        number = next_ended_number(connection, batch.session_id)
        for image_id, refusal in refused.items():
            place = number + len(ids)
            if image_states.refuse(connection, image_id, refusal.code, refusal.message, place):
                ids.append(image_id)
        connection.execute(_SAVE, values)
        images = [ImageRef(image_id, batch.id, batch.session_id) for image_id in ids]
        ended = [count_end(connection, image) for image in images]
        if ids:
            credits.release(connection, ids)
    return ended
