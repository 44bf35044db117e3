"""Estimates of what images will cost: which images lack one, and how those of a batch are saved.

The dispatcher sends no image without an estimate, so that of a batch all can go out, or none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.db import credits, image_states, work
from shared.db.database import Database
from shared.db.images import ImageEnded, count_end, next_ended_number
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
    images: Sequence[UnmeasuredImage]


_UNMEASURED = """
SELECT i.id, i.index, i.original_size AS size, b.session_id, b.account_id, b.options,
    s.name AS session_name
FROM images AS i JOIN batches AS b ON b.id = i.batch_id JOIN sessions AS s ON s.id = b.session_id
WHERE i.batch_id = %s AND i.state = 'queued' AND i.cpu_seconds IS NULL ORDER BY i.index
"""


def unmeasured(database: Database, batch_id: UUID) -> UnmeasuredBatch | None:
    """The batch, with those of its images that lack an estimate; None where none does."""
    with database.transaction() as connection:
        rows = connection.execute(_UNMEASURED, (batch_id,)).fetchall()
    if not rows:
        return None
    first = rows[0]
    return UnmeasuredBatch(
        id=batch_id,
        session_id=first["session_id"],
        account_id=first["account_id"],
        session_name=first["session_name"],
        options=Options.from_json(first["options"]),
        images=[UnmeasuredImage(row["id"], row["index"], row["size"]) for row in rows],
    )


# Not of an image that another run has measured meanwhile: it may be sent, and is counted by that.
# The session is locked before any image, as by whoever cancels them.
_SAVE = """
WITH session AS (SELECT FROM sessions WHERE id = %s FOR NO KEY UPDATE)
UPDATE images AS i
SET cpu_seconds = new.cpu, max_cpu_seconds = new.max_cpu, memory_bytes = new.memory
FROM session, unnest(%s::uuid[], %s::float8[], %s::float8[], %s::bigint[])
    AS new (id, cpu, max_cpu, memory)
WHERE i.id = new.id AND i.state = 'queued' AND i.cpu_seconds IS NULL
"""


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
    ended: dict[UUID, ImageEnded] = {}
    with database.transaction() as connection:
        if estimates:
            columns = zip(*(_values(*one) for one in estimates.items()), strict=True)
            connection.execute(_SAVE, [batch.session_id, *map(list, columns)])
        number = next_ended_number(connection, batch.session_id) if refused else 0
        for image_id, refusal in refused.items():
            place = number + len(ended)
            if image_states.refuse(connection, image_id, refusal.code, refusal.message, place):
                image = ImageRef(image_id, batch.id, batch.session_id)
                ended[image_id] = count_end(connection, image, "failed")
        if ended:
            credits.release(connection, list(ended))
        work.add(connection, batch.images[0].id, cpu_seconds)
    return list(ended.values())


def _values(image_id: UUID, estimate: Estimate) -> tuple[UUID, float, float, int]:
    return image_id, estimate.cpu_seconds, estimate.max_cpu_seconds, estimate.memory_bytes
