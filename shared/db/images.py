"""What follows when an image changes its state: counts, credits, and the end of its batch.

Each function is one transaction over `image_states`. Rows are locked in one order everywhere:
session, image, share, work, batch, account, usage. cpu_seconds: what the run took; it counts as the
account's work whatever became of the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from shared.db import credits, image_states, stand_ins, stored, work
from shared.db.database import Connection, Database, Row, one, within
from shared.db.image_states import Step
from shared.errors import ImageError
from shared.models import Claim, ClaimRef, ImageRef, Options, Result

# Up to this age of an image, an outage does not count as an attempt. Later it counts, so that an
# object that the store never returns does not stay in the queue for ever.
FORGIVEN_SECONDS = 1800


@dataclass(frozen=True)
class ImageEnded:
    """An image has ended: whom to notify.

    batch_closed: true for the last of its batch. has_webhook: whether its batch has one.
    """

    session_id: UUID
    batch_id: UUID
    batch_closed: bool
    has_webhook: bool


def claim(
    database: Database,
    step: Step,
    image_id: UUID,
    lease_seconds: int,
    holder: str | None = None,
    token: UUID | None = None,
) -> Claim | None:
    """The right to do one step of the image; None when it does not wait for that (any more).

    holder: who gets it, for `upkeep.claims_of`. token: the claim's own (default: a new one).
    Whoever chooses it can undo a claim whose answer was lost.
    """
    statement, values = image_states.claim(step, image_id, token or uuid4(), lease_seconds, holder)
    for row in database.execute(statement, values):
        return Claim(**row | {"options": Options.from_json(row["options"])})
    return None


def unclaim(database: Database, step: Step, image_id: UUID, token: UUID) -> bool:
    """Undoes a claim after a fault of the database: the image waits again, no attempt is used.

    Returns False when the claim was lost, or never made.
    """
    return bool(database.execute(*image_states.unclaim(step, image_id, token)))


def complete(
    database: Database, claim: Claim, result: Result, cpu_seconds: float = 0.0
) -> ImageEnded | None:
    """Ends the image as done; returns None, without any effect, when the claim was lost."""
    values = image_states.values_of(result) | {
        "session_id": claim.session_id,
        "image_id": claim.image_id,
        "token": claim.token,
        "unit": "image",
        "run_seconds": cpu_seconds,
        "batch_id": claim.batch_id,
        "input_bytes": result.preview_size,
        "output_bytes": result.size,
    }
    if not claim.is_retry:
        return _ended(claim, database.execute(_COMPLETE, values))
    with database.transaction() as connection:
        if not connection.execute(_COMPLETE_RETRY, values).rowcount:
            return None
        stand_ins.settle(connection, claim.image_id, brings_text=False)
        return _ended(claim, within(connection)(_COUNT_ON_BATCH_ALONE, values))


def mark_optimised(
    database: Database, claim: Claim, result: Result, cpu_seconds: float = 0.0
) -> bool:
    """Stores the result, and lets the image wait to be described.

    Nothing is spent yet: an image that is cancelled now costs nothing. Returns False when the claim
    was lost.
    """
    with database.transaction() as connection:
        if not image_states.save(connection, claim, result):
            return False
        work.add(connection, claim.image_id, cpu_seconds)
        stored.add(connection, claim.batch_id, result)
        return True


def fail(
    database: Database, claim: ClaimRef, error: ImageError, cpu_seconds: float = 0.0
) -> ImageEnded | None:
    """Ends the image as failed, and releases everything that it reserved.

    Returns None, without any effect, when the claim was lost.
    """
    with database.transaction() as connection:
        ended_number = next_ended_number(connection, claim.session_id)
        if not image_states.fail(connection, claim, error.code, error.message, ended_number):
            return None
        work.add(connection, claim.image_id, cpu_seconds)
        ended = count_end(connection, claim)
        credits.release(connection, [claim.image_id])
        return ended


def give_back(database: Database, claim: ClaimRef, *, untried: bool = False) -> bool:
    """Gives a claim back unused, when not the image but a server behind us is at fault.

    untried: the attempt never counts. The message is gone: the sweep publishes it again after a
    while. Returns False when the claim was lost.
    """
    with database.transaction() as connection:
        return image_states.give_back(
            connection, claim, untried=untried, forgiven_seconds=FORGIVEN_SECONDS
        )


def hold_back(database: Database, claim: ClaimRef, seconds: float, memory_bytes: int) -> bool:
    """Gives a claim back unused, to be dispatched again in so many seconds.

    For an image that needs `memory_bytes` where others leave less. Returns False when the claim
    was lost.
    """
    with database.transaction() as connection:
        return image_states.hold_back(connection, claim, seconds, memory_bytes)


def requeue(database: Database, claim: ClaimRef, cpu_seconds: float = 0.0) -> bool:
    """Takes the claim from a worker that was lost; returns False when it was ended meanwhile.

    The caller sends the image again; if that fails, the sweep does so after a while.
    """
    with database.transaction() as connection:
        if not image_states.requeue(connection, claim):
            return False
        work.add(connection, claim.image_id, cpu_seconds)
        return True


_NEXT_ENDED_NUMBER = """
SELECT last_ended + 1 AS ended_number FROM sessions WHERE id = %(session_id)s FOR NO KEY UPDATE
"""


def next_ended_number(connection: Connection, session_id: UUID) -> int:
    """Locks the session, and returns the number of the next image that ends in it."""
    row = connection.execute(_NEXT_ENDED_NUMBER, {"session_id": session_id}).fetchone()
    return row["ended_number"] if row else 0  # a deleted session: no image will match either


# For the row of {images}.
_COUNT_ON_SESSION = """
UPDATE sessions AS s
SET completed = completed + (i.state = 'done')::int,
    failed = failed + (i.state = 'failed')::int,
    last_ended = last_ended + 1,
    original_bytes = s.original_bytes
        + CASE i.state WHEN 'done' THEN i.original_size ELSE 0 END,
    compressed_bytes = s.compressed_bytes
        + CASE i.state WHEN 'done' THEN i.compressed_size ELSE 0 END
FROM {images} AS i WHERE i.id = %(image_id)s AND s.id = i.session_id
RETURNING i.retry_of
"""
_COUNT_ON_BATCH = """
UPDATE batches
SET ended = ended + 1, closed_at = CASE WHEN ended + 1 = total THEN now() END,
    input_bytes = input_bytes + %(input_bytes)s, output_bytes = output_bytes + %(output_bytes)s
{condition} batches.id = %(batch_id)s
RETURNING closed_at IS NOT NULL AS batch_closed,
    EXISTS (SELECT FROM webhooks WHERE batch_id = batches.id) AS has_webhook
"""
_COUNT_ON_BATCH_ALONE = _COUNT_ON_BATCH.format(condition="WHERE")

# What most images end with, in one round trip. All parts read `image`, so nothing changes where the
# claim was lost. Rows are locked in the order above: a part that is read is done before its reader.
_COMPLETE_UNTIL_BATCH = f"""
WITH session AS ({_NEXT_ENDED_NUMBER}),
image AS ({image_states.COMPLETE}),
spent AS ({credits.SPEND.format(images="image")}),
counted AS ({_COUNT_ON_SESSION.format(images="image")}),
{work.ADD}
"""
_COMPLETE = _COMPLETE_UNTIL_BATCH + _COUNT_ON_BATCH.format(
    condition="FROM counted LEFT JOIN worked ON true WHERE"
)
_COMPLETE_RETRY = f"{_COMPLETE_UNTIL_BATCH} SELECT FROM counted LEFT JOIN worked ON true"


def count_end(connection: Connection, image: ImageRef, *, brings_text: bool = False) -> ImageEnded:
    """Counts one more ended image on its session and batch; closes a batch that is complete.

    brings_text: whether a retry that was only described again brings any of the missing text.
    """
    values = {"image_id": image.image_id, "batch_id": image.batch_id}
    row = connection.execute(_COUNT_ON_SESSION.format(images="images"), values).fetchone()
    if row and row["retry_of"]:
        stand_ins.settle(connection, image.image_id, brings_text=brings_text)
    nothing_new = {"input_bytes": 0, "output_bytes": 0}
    return one(_ended(image, within(connection)(_COUNT_ON_BATCH_ALONE, values | nothing_new)))


def _ended(image: ImageRef, counted: Sequence[Row]) -> ImageEnded | None:
    """counted: the row that the batch was counted on, or none."""
    for row in counted:
        return ImageEnded(image.session_id, image.batch_id, **row)
    return None
