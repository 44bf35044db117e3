"""The second step of an image, from `optimised` to `done`: claimed and fenced like the first.

Whatever becomes of it, the image is delivered: without a text it ends under its plain name,
with a warning, and its AI credit is given back.
"""

from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import credits, file_names
from shared.db.database import Connection, Database
from shared.db.images import Closing, count_end, next_number
from shared.imagetype import ImageType
from shared.models import Claim, Description, Held, Notice, Options


def claim(database: Database, image_id: UUID, lease_seconds: int) -> Claim | None:
    """The right to describe the image; None when it does not wait for that (any more)."""
    with database.autocommit() as connection:
        row = connection.execute(
            "UPDATE images AS i SET state = 'describing', describe_attempt = describe_attempt + 1,"
            " token = gen_random_uuid(), lease_until = now() + make_interval(secs => %s)"
            " FROM batches AS b JOIN sessions AS s ON s.id = b.session_id"
            " WHERE i.id = %s AND i.state = 'optimised' AND b.id = i.batch_id"
            " RETURNING i.id AS image_id, i.batch_id, i.session_id, b.account_id,"
            " s.name AS session_name, i.index, i.describe_attempt AS attempt, i.token,"
            " i.original_size, b.watermark_key, i.preview_key, b.options",
            (lease_seconds, image_id),
        ).fetchone()
    if row is None:
        return None
    return Claim(**row | {"options": Options.from_json(row["options"])})


def complete(
    database: Database, held: Held, description: Description, notice: Notice | None
) -> Closing | None:
    """The image is done, with what was written of it; None when the claim was lost: no effect.

    notice: why something that was wanted is missing; then the AI credit is given back.
    """
    with database.transaction() as connection:
        number = next_number(connection, held.session_id)
        row = connection.execute(
            "UPDATE images SET state = 'done', token = NULL, lease_until = NULL, alt_text = %s,"
            " warnings = warnings || %s, ended_at = clock_timestamp(), ended_number = %s"
            " WHERE id = %s AND state = 'describing' AND token = %s RETURNING format",
            (
                description.alt_text,
                Jsonb([notice.to_json()] if notice else []),
                number,
                held.image_id,
                held.token,
            ),
        ).fetchone()
        if row is None:
            return None
        if description.stem is not None:
            _rename(connection, held, description.stem, ImageType(row["format"]))
        closing = count_end(connection, held, "completed")
        credits.spend(connection, held.image_id, "image")
        if notice is None:
            credits.spend(connection, held.image_id, "ai")
        else:
            credits.release(connection, [held.image_id])
        return closing


def unclaim(
    database: Database, held: Held, wait_seconds: float = 0.0, *, used: bool = False
) -> bool:
    """Gives a claim back, to go on in so many seconds; False when it was lost.

    used: whether the attempt counts, as when its worker was lost. A message is sent by the
    sweeper.
    """
    with database.autocommit() as connection:
        return bool(
            connection.execute(
                "UPDATE images SET state = 'optimised', token = NULL, lease_until = NULL,"
                " describe_attempt = describe_attempt - %s,"
                " describe_after = now() + make_interval(secs => %s)"
                " WHERE id = %s AND state = 'describing' AND token = %s",
                (0 if used else 1, wait_seconds, held.image_id, held.token),
            ).rowcount
        )


def _rename(connection: Connection, held: Held, stem: str, format: ImageType) -> None:
    """Under the session's lock, which `next_number` took: no other image takes the name."""
    name = file_names.take(connection, held.session_id, stem, format)
    connection.execute("UPDATE images SET file_name = %s WHERE id = %s", (name, held.image_id))
