"""The state machine of an image, as compare-and-set on its row.

A claim gives a lease and a token; a commit is accepted only where the token still matches, so
of two workers on one image one wins and the other is told. A credit moves in the transaction
that earned it. Rows are locked in one order everywhere: session, image, batch, account, usage.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from shared import credits
from shared.database import Connection, Database, one
from shared.errors import ImageError
from shared.models import Claim, Options, Result

# Outages up to this age of an image cost it no attempt.
_FORGIVEN_SECONDS = 1800


@dataclass(frozen=True)
class Closing:
    """What the end of an image led to; `batch_closed` is true for the last of its batch."""

    session_id: UUID
    batch_id: UUID
    batch_closed: bool


def claim(database: Database, image_id: UUID, lease_seconds: int) -> Claim | None:
    """The right to optimise the image; None when it is not queued (any more)."""
    with database.autocommit() as connection:
        row = connection.execute(
            "UPDATE images AS i SET state = 'processing', attempt = attempt + 1,"
            " token = gen_random_uuid(), lease_until = now() + make_interval(secs => %s)"
            " FROM batches AS b JOIN sessions AS s ON s.id = b.session_id"
            " WHERE i.id = %s AND i.state = 'queued' AND b.id = i.batch_id"
            " RETURNING i.id AS image_id, i.batch_id, i.session_id, b.account_id,"
            " s.name AS session_name, i.index, i.attempt, i.token, i.original_size,"
            " b.watermark_key, b.options",
            (lease_seconds, image_id),
        ).fetchone()
    if row is None:
        return None
    return Claim(**row | {"options": Options.from_json(row["options"])})


def complete(database: Database, claim: Claim, result: Result) -> Closing | None:
    """The image is done and its compression spent; None when the claim was lost: no effect."""
    with database.transaction() as connection:
        number = _next_number(connection, claim.session_id)
        kept = connection.execute(
            "UPDATE images SET state = 'done', token = NULL, lease_until = NULL, format = %s,"
            " width = %s, height = %s, compressed_size = %s, output_key = %s, watermarked = %s,"
            " encoding = %s, warnings = %s, ended_at = clock_timestamp(), ended_number = %s"
            " WHERE id = %s AND state = 'processing' AND token = %s",
            (
                result.format,
                result.width,
                result.height,
                result.size,
                result.output_key,
                result.watermarked,
                result.encoding,
                Jsonb([notice.to_json() for notice in result.notices]),
                number,
                claim.image_id,
                claim.token,
            ),
        ).rowcount
        if not kept:
            return None
        credits.spend(connection, claim.image_id, "image")
        _count(connection, claim.session_id, "completed")
        return _close_if_last(connection, claim.session_id, claim.batch_id)


def fail(database: Database, claim: Claim, error: ImageError) -> Closing | None:
    """The image has failed and costs nothing; None when the claim was lost: no effect."""
    return end_unsuccessfully(
        database, claim.session_id, claim.batch_id, claim.image_id, claim.token, error
    )


def end_unsuccessfully(
    database: Database,
    session_id: UUID,
    batch_id: UUID,
    image_id: UUID,
    token: UUID,
    error: ImageError,
) -> Closing | None:
    """Ends a claimed image in `failed` with everything it reserved given back.

    None when the token is not the row's any more: no effect.
    """
    with database.transaction() as connection:
        number = _next_number(connection, session_id)
        kept = connection.execute(
            "UPDATE images SET state = 'failed', token = NULL, lease_until = NULL,"
            " error_code = %s, error_message = %s, ended_at = clock_timestamp(), ended_number = %s"
            " WHERE id = %s AND token = %s",
            (error.code, error.message, number, image_id, token),
        ).rowcount
        if not kept:
            return None
        _count(connection, session_id, "failed")
        closing = _close_if_last(connection, session_id, batch_id)
        credits.release(connection, [image_id])
        return closing


def unclaim(database: Database, claim: Claim) -> bool:
    """Gives a claim back unused, when not the image but a server behind us is at fault.

    The attempt does not count while the image is young; later it does, so that one object
    that its store will not give cannot stay in the queue for ever. The message is gone: the
    sweeper publishes it again after a while. False when the claim was lost.
    """
    with database.autocommit() as connection:
        return bool(
            connection.execute(
                "UPDATE images SET state = 'queued', token = NULL, lease_until = NULL,"
                " attempt = attempt - (created_at > now() - make_interval(secs => %s))::int,"
                " published_at = now() WHERE id = %s AND state = 'processing' AND token = %s",
                (_FORGIVEN_SECONDS, claim.image_id, claim.token),
            ).rowcount
        )


def _next_number(connection: Connection, session_id: UUID) -> int:
    """Locks the session, and gives the number of its next ended image."""
    row = connection.execute(
        "SELECT last_ended + 1 AS number FROM sessions WHERE id = %s FOR NO KEY UPDATE",
        (session_id,),
    ).fetchone()
    return row["number"] if row else 0  # a session that is gone: no image will match either


def _count(connection: Connection, session_id: UUID, column: str) -> None:
    connection.execute(
        f"UPDATE sessions SET {column} = {column} + 1, last_ended = last_ended + 1"  # noqa: S608 - our own words
        " WHERE id = %s",
        (session_id,),
    )


def _close_if_last(connection: Connection, session_id: UUID, batch_id: UUID) -> Closing:
    batch = one(
        connection.execute(
            "UPDATE batches SET ended = ended + 1,"
            " closed_at = CASE WHEN ended + 1 = total THEN now() END"
            " WHERE id = %s RETURNING closed_at IS NOT NULL AS closed",
            (batch_id,),
        ).fetchone()
    )
    return Closing(session_id, batch_id, batch["closed"])
