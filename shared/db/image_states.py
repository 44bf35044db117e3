"""The life of an image: its states, the legal moves, and every statement that makes one.

                 accepted
                    │
                    ▼
             ┌── queued ◀─────────────┐ lease lost, a server was down, or no memory
      claim  │                        │
             └─▶ processing ──────────┘
                    │   │
      no text asked │   │ a text is asked for
                    │   ▼
                    │  optimised ◀────┐ lease lost, a limit, or a server was down
                    │   │             │
                    │   └ claim ▶ describing
                    ▼                 │
                  done ◀──────────────┘

    queued ──▶ failed, when it is measured and cannot be made
    processing, describing ──▶ failed
    queued, processing, optimised, describing ──▶ cancelled

Each of the two steps has its own claim: a lease (until when), a token (whose commit counts) and
a number of attempts. A statement that ends a claim matches its token, so a worker that was too slow
changes nothing; only refusing, which needs none, and cancelling do not ask for one. Nothing else in
the code sets `images.state`.
An image is born queued by the column's default; one of which only the text is made again
is born optimised (`retries`). A trigger in the database
(`infra/migrations/versions/0001_first.py`) refuses any other move.

Legal, though no statement makes them today: optimised to failed, and optimised to done.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db.database import NOT_DURABLE, Connection, Row
from shared.models import ClaimRef, Description, Notice, Result


class State(StrEnum):
    """Where an image stands between acceptance and its one end."""

    QUEUED = "queued"
    PROCESSING = "processing"
    OPTIMISED = "optimised"
    DESCRIBING = "describing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PROCESSING, State.FAILED, State.CANCELLED}),
    State.PROCESSING: frozenset(
        {State.QUEUED, State.OPTIMISED, State.DONE, State.FAILED, State.CANCELLED}
    ),
    State.OPTIMISED: frozenset({State.DESCRIBING, State.DONE, State.FAILED, State.CANCELLED}),
    State.DESCRIBING: frozenset({State.OPTIMISED, State.DONE, State.FAILED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}


@dataclass(frozen=True)
class Step:
    """One step of an image. waits_in, works_in: its states. attempts: the column that counts.

    may_be_undone: a condition by which a claim need not be durable, or one that is always true.
    """

    waits_in: State
    works_in: State
    attempts: LiteralString
    may_be_undone: LiteralString


# Pixels are made again where a crash of the server undoes a claim; a call of a model costs money.
OPTIMISE = Step(State.QUEUED, State.PROCESSING, "attempt", NOT_DURABLE)
DESCRIBE = Step(State.OPTIMISED, State.DESCRIBING, "describe_attempt", "true")

_CLAIM = """
UPDATE images AS i
SET state = '{works_in}', {attempts} = {attempts} + 1, token = %(token)s,
    lease_until = now() + make_interval(secs => %(lease_seconds)s), claimed_by = %(holder)s,
    claimed_at = now(), describe_after = NULL
FROM batches AS b JOIN sessions AS s ON s.id = b.session_id
WHERE i.id = %(image_id)s AND i.state = '{waits_in}' AND b.id = i.batch_id AND {may_be_undone}
RETURNING i.id AS image_id, i.batch_id, i.session_id, b.account_id, s.name AS session_name,
    i.index, i.retry_of IS NOT NULL AS is_retry, i.{attempts} AS attempt, i.memory_waits, i.token,
    i.original_size, b.watermark_key, i.preview_key, b.options, i.lane,
    -- As it was before this claim: one more waited, one less was processed.
    ('{waits_in}' = 'queued' AND i.lane = 'images' AND 2 * (SELECT count(*) - 1 FROM images
        WHERE state = 'queued' AND lane = 'images'
        AND published_at IS NOT NULL AND ended_number IS NULL)
    <= (SELECT count(*) + 1 FROM images
        WHERE state = 'processing' AND lane = 'images'
        AND published_at IS NOT NULL AND ended_number IS NULL)) IS TRUE AS few_wait
"""


def claim(
    step: Step, image_id: UUID, token: UUID, lease_seconds: int, holder: str | None
) -> tuple[str, Row]:
    """Statement and values that start a step: queued → processing, or optimised → describing.

    It returns the columns of a `Claim`, and no row when the image does not wait for the step.
    """
    values = {
        "image_id": image_id,
        "token": token,
        "lease_seconds": lease_seconds,
        "holder": holder,
    }
    return _CLAIM.format(**vars(step)), values


# Either step's work is due at once: `describe_after` is when the sweep sends the image again.
_UNCLAIM = """
UPDATE images
SET state = '{waits_in}', token = NULL, lease_until = NULL, {attempts} = {attempts} - 1,
    describe_after = now()
WHERE id = %(image_id)s AND state = '{works_in}' AND token = %(token)s RETURNING id
"""


def unclaim(step: Step, image_id: UUID, token: UUID) -> tuple[str, Row]:
    """Statement and values that undo a claim: the attempt does not count.

    It returns no row when the claim was lost, or never made.
    """
    return _UNCLAIM.format(**vars(step)), {"image_id": image_id, "token": token}


def _move(connection: Connection, statement: str, claim: ClaimRef, **values: object) -> bool:
    """Runs a statement that matches the claim's token; False when the claim was lost."""
    fence = {"image_id": claim.image_id, "token": claim.token}
    return bool(connection.execute(statement, values | fence).rowcount)


_SAVED = """
token = NULL, lease_until = NULL, format = %(format)s, width = %(width)s,
    height = %(height)s, compressed_size = %(size)s, output_key = %(output_key)s,
    preview_key = %(preview_key)s, watermarked = %(watermarked)s, encoding = %(encoding)s,
    warnings = %(warnings)s
"""
_SAVE = f"""
UPDATE images
SET state = 'optimised', optimised_at = now(), published_at = now(), {_SAVED}
WHERE id = %(image_id)s AND state = 'processing' AND token = %(token)s
"""  # noqa: S608 - our own constant

# A part of the statement in `images.complete`. It takes its number from the part `session`.
COMPLETE = f"""
UPDATE images
SET state = 'done', ended_at = clock_timestamp(), ended_number = session.ended_number, {_SAVED}
FROM session
WHERE images.id = %(image_id)s AND state = 'processing' AND token = %(token)s
RETURNING images.id, session_id, account_id, state, original_size, compressed_size, lane, attempt,
    cpu_seconds, retry_of
"""  # noqa: S608 - our own constant


def values_of(result: Result) -> Row:
    """The values that a statement needs which stores the result."""
    return vars(result) | {"warnings": Jsonb([notice.to_json() for notice in result.notices])}


def save(connection: Connection, claim: ClaimRef, result: Result) -> bool:
    """Stores what the image became: processing → optimised; returns False for a lost claim."""
    return _move(connection, _SAVE, claim, **values_of(result))


_SAVE_DESCRIPTION = """
UPDATE images
SET state = 'done', token = NULL, lease_until = NULL,
    alt_text = coalesce(%(alt_text)s, alt_text),
    warnings = warnings || %(warnings)s, ended_at = clock_timestamp(),
    ended_number = %(ended_number)s
WHERE id = %(image_id)s AND state = 'describing' AND token = %(token)s
RETURNING format, folder
"""


def save_description(
    connection: Connection,
    claim: ClaimRef,
    description: Description,
    notice: Notice | None,
    ended_number: int,
) -> Row | None:
    """Stores what was written of the image: describing → done.

    Returns its `format` and `folder`, or None when the claim was lost.
    """
    return connection.execute(
        _SAVE_DESCRIPTION,
        {
            "alt_text": description.alt_text,
            "warnings": Jsonb([notice.to_json()] if notice else []),
            "image_id": claim.image_id,
            "token": claim.token,
            "ended_number": ended_number,
        },
    ).fetchone()


_FAIL = """
UPDATE images
SET state = 'failed', token = NULL, lease_until = NULL, error_code = %(code)s,
    error_message = %(message)s, ended_at = clock_timestamp(), ended_number = %(ended_number)s
WHERE id = %(image_id)s AND token = %(token)s
"""


def fail(
    connection: Connection, claim: ClaimRef, code: str, message: str, ended_number: int
) -> bool:
    """Fails the image: processing or describing → failed; returns False for a lost claim."""
    return _move(connection, _FAIL, claim, code=code, message=message, ended_number=ended_number)


_REFUSE = """
UPDATE images
SET state = 'failed', error_code = %s, error_message = %s, ended_at = clock_timestamp(),
    ended_number = %s
WHERE id = %s AND state = 'queued'
"""


def refuse(
    connection: Connection, image_id: UUID, code: str, message: str, ended_number: int
) -> bool:
    """Fails an image that nobody has claimed: queued → failed; False when it does not wait."""
    values = (code, message, ended_number, image_id)
    return bool(connection.execute(_REFUSE, values).rowcount)


_GIVE_BACK = """
UPDATE images
SET state = 'queued', token = NULL, lease_until = NULL, published_at = now(),
    attempt = attempt - (%(untried)s
        OR created_at > now() - make_interval(secs => %(forgiven_seconds)s))::int
WHERE id = %(image_id)s AND state = 'processing' AND token = %(token)s
"""


def give_back(
    connection: Connection, claim: ClaimRef, *, untried: bool, forgiven_seconds: int
) -> bool:
    """Leaves the image to another worker: processing → queued; False when the claim was lost.

    The attempt does not count if the image is `untried`, or younger than `forgiven_seconds`.
    """
    return _move(connection, _GIVE_BACK, claim, untried=untried, forgiven_seconds=forgiven_seconds)


# Without `published_at` it is dispatched again, as if it had never been sent.
_HOLD_BACK = """
UPDATE images
SET state = 'queued', token = NULL, lease_until = NULL, published_at = NULL,
    attempt = attempt - 1, memory_waits = memory_waits + 1, memory_bytes = %(memory_bytes)s,
    not_before = now() + make_interval(secs => %(seconds)s)
WHERE id = %(image_id)s AND state = 'processing' AND token = %(token)s
"""


def hold_back(connection: Connection, claim: ClaimRef, seconds: float, memory_bytes: int) -> bool:
    """Lets the image wait until memory is free: processing → queued; False when the claim was lost.

    The attempt does not count. memory_bytes: what it needs, which no image may have before it.
    """
    return _move(connection, _HOLD_BACK, claim, seconds=seconds, memory_bytes=memory_bytes)


_REQUEUE = """
UPDATE images
SET state = 'queued', token = NULL, lease_until = NULL, published_at = now()
WHERE id = %(image_id)s AND state = 'processing' AND token = %(token)s
"""


def requeue(connection: Connection, claim: ClaimRef) -> bool:
    """Ends the claim of a worker that was lost: processing → queued, and the attempt counts.

    Returns False when the claim was lost meanwhile.
    """
    return _move(connection, _REQUEUE, claim)


_POSTPONE_DESCRIPTION = """
UPDATE images
SET state = 'optimised', token = NULL, lease_until = NULL,
    describe_attempt = describe_attempt - %(forgiven)s,
    describe_after = now() + make_interval(secs => %(wait_seconds)s)
WHERE id = %(image_id)s AND state = 'describing' AND token = %(token)s
"""


def postpone_description(
    connection: Connection, claim: ClaimRef, wait_seconds: float, *, attempt_counts: bool
) -> bool:
    """Leaves the description for later: describing → optimised; False when the claim was lost."""
    forgiven = 0 if attempt_counts else 1
    return _move(
        connection, _POSTPONE_DESCRIPTION, claim, forgiven=forgiven, wait_seconds=wait_seconds
    )


_CANCEL_OPEN = """
WITH open AS (
    SELECT id, row_number() OVER (ORDER BY created_at, index) AS n
    FROM images WHERE session_id = %(session_id)s AND ended_number IS NULL)
UPDATE images AS i
SET state = 'cancelled', token = NULL, lease_until = NULL, output_key = NULL,
    error_code = 'cancelled', error_message = 'The session was cancelled', ended_at = now(),
    ended_number = s.last_ended + open.n,
    replaced_by = (SELECT o.id FROM images AS o WHERE o.id = i.retry_of)
FROM open, sessions AS s
WHERE i.id = open.id AND s.id = %(session_id)s
RETURNING i.id
"""


def cancel_open(connection: Connection, session_id: UUID) -> list[UUID]:
    """Cancels every image of the session that has not ended; returns their ids.

    What a cancelled retry was to replace stays in its place.
    The caller has locked the session's row, which numbers the ended images.
    """
    rows = connection.execute(_CANCEL_OPEN, {"session_id": session_id}).fetchall()
    return [row["id"] for row in rows]
