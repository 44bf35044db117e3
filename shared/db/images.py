"""The state machine of an image, as compare-and-set on its row.

A claim gives a lease and a token; a commit is accepted only where the token still matches, so
of two workers on one image one wins and the other is told. A credit moves in the transaction
that earned it. Rows are locked in one order everywhere: session, image, batch, account, usage.
"""

from dataclasses import dataclass
from typing import Literal, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import credits
from shared.db.database import Connection, Database, one
from shared.errors import ImageError
from shared.models import Claim, Held, Options, Result

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
            " b.watermark_key, i.preview_key, b.options",
            (lease_seconds, image_id),
        ).fetchone()
    if row is None:
        return None
    return Claim(**row | {"options": Options.from_json(row["options"])})


def complete(database: Database, claim: Claim, result: Result) -> Closing | None:
    """The image is done and its compression spent; None when the claim was lost: no effect."""
    with database.transaction() as connection:
        number = next_number(connection, claim.session_id)
        ended = "state = 'done', ended_at = clock_timestamp(), ended_number = %(number)s"
        if not _save(connection, claim, result, ended, number=number):
            return None
        credits.spend(connection, claim.image_id, "image")
        return count_end(connection, claim, "completed")


def hand_on(database: Database, claim: Claim, result: Result) -> bool:
    """The image is optimised and waits to be described; False when the claim was lost.

    Nothing is spent yet: an image that is cancelled now costs nothing.
    """
    waiting = "state = 'optimised', optimised_at = now(), published_at = now()"
    with database.transaction() as connection:
        return _save(connection, claim, result, waiting)


def _save(
    connection: Connection, claim: Claim, result: Result, state: LiteralString, **values: object
) -> bool:
    updated = connection.execute(
        f"UPDATE images SET {state}, token = NULL, lease_until = NULL,"  # noqa: S608 - our own words
        " format = %(format)s, width = %(width)s, height = %(height)s,"
        " compressed_size = %(size)s, output_key = %(output_key)s,"
        " preview_key = %(preview_key)s, watermarked = %(watermarked)s,"
        " encoding = %(encoding)s, warnings = %(warnings)s"
        " WHERE id = %(image_id)s AND state = 'processing' AND token = %(token)s",
        {
            **vars(result),
            **values,
            "warnings": Jsonb([notice.to_json() for notice in result.notices]),
            "image_id": claim.image_id,
            "token": claim.token,
        },
    )
    return bool(updated.rowcount)


def fail(database: Database, held: Held, error: ImageError) -> Closing | None:
    """The image has failed, and everything that it reserved is given back.

    None when the token is not the row's any more: no effect.
    """
    with database.transaction() as connection:
        number = next_number(connection, held.session_id)
        kept = connection.execute(
            "UPDATE images SET state = 'failed', token = NULL, lease_until = NULL,"
            " error_code = %s, error_message = %s, ended_at = clock_timestamp(), ended_number = %s"
            " WHERE id = %s AND token = %s",
            (error.code, error.message, number, held.image_id, held.token),
        ).rowcount
        if not kept:
            return None
        closing = count_end(connection, held, "failed")
        credits.release(connection, [held.image_id])
        return closing


def unclaim(database: Database, claim: Claim, *, waited: bool = False) -> bool:
    """Gives a claim back unused, when not the image but a server behind us is at fault.

    The attempt does not count while the image is young; later it does, so that one object
    that its store will not give cannot stay in the queue for ever. waited: nothing was tried,
    so it never counts. The message is gone: the sweeper publishes it again after a while.
    False when the claim was lost.
    """
    with database.autocommit() as connection:
        return bool(
            connection.execute(
                "UPDATE images SET state = 'queued', token = NULL, lease_until = NULL,"
                " attempt = attempt - (%s OR created_at > now() - make_interval(secs => %s))::int,"
                " published_at = now() WHERE id = %s AND state = 'processing' AND token = %s",
                (waited, _FORGIVEN_SECONDS, claim.image_id, claim.token),
            ).rowcount
        )


def next_number(connection: Connection, session_id: UUID) -> int:
    """Locks the session, and gives the number of its next ended image."""
    row = connection.execute(
        "SELECT last_ended + 1 AS number FROM sessions WHERE id = %s FOR NO KEY UPDATE",
        (session_id,),
    ).fetchone()
    return row["number"] if row else 0  # a session that is gone: no image will match either


def count_end(
    connection: Connection, held: Held, column: Literal["completed", "failed"]
) -> Closing:
    """Counts one more ended image on its session and its batch, and closes a batch that is full."""
    connection.execute(
        f"UPDATE sessions SET {column} = {column} + 1, last_ended = last_ended + 1"  # noqa: S608 - our own words
        " WHERE id = %s",
        (held.session_id,),
    )
    batch = one(
        connection.execute(
            "UPDATE batches SET ended = ended + 1,"
            " closed_at = CASE WHEN ended + 1 = total THEN now() END"
            " WHERE id = %s RETURNING closed_at IS NOT NULL AS closed",
            (held.batch_id,),
        ).fetchone()
    )
    return Closing(held.session_id, held.batch_id, batch["closed"])
