"""The CPU seconds that each account's images took, by the hour, and the budget that they have."""

from uuid import UUID

from shared.db.database import Connection, Database
from shared.errors import WorkLimitError
from shared.fair_queue import MIN_CPU_SECONDS

# An image was charged its estimate when it was sent for the first time (shared/db/sending.py), and
# its first run settles that.
# These are parts of a statement that has the image's row as `image`; `worked` reads `shared`, so
# that the two rows are locked in this order.
ADD = f"""
shared AS (
    UPDATE shares SET virtual_seconds = virtual_seconds + %(run_seconds)s
        - CASE WHEN lane IS NOT NULL AND attempt <= 1
            THEN greatest(image.cpu_seconds, {MIN_CPU_SECONDS}) ELSE 0 END
    FROM image WHERE shares.account_id = image.account_id RETURNING shares.account_id),
worked AS (
    INSERT INTO work (account_id, hour, cpu_seconds)
    SELECT account_id, date_trunc('hour', now(), 'UTC'), %(run_seconds)s
    FROM image LEFT JOIN shared USING (account_id) WHERE account_id IS NOT NULL
    ON CONFLICT (account_id, hour)
    DO UPDATE SET cpu_seconds = work.cpu_seconds + excluded.cpu_seconds RETURNING account_id)
"""  # noqa: S608 - our own constant
_ADD = f"""
WITH image AS (SELECT account_id, lane, attempt, cpu_seconds FROM images WHERE id = %(image_id)s),
{ADD} SELECT FROM worked
"""  # noqa: S608 - our own constants


def add(connection: Connection, image_id: UUID, cpu_seconds: float) -> None:
    """Counts what one run of the image took, whatever became of it, in place of its estimate.

    Before the image is counted on its batch: see the order of locks in `shared.db.images`.
    """
    connection.execute(_ADD, {"image_id": image_id, "run_seconds": cpu_seconds})


_SECONDS_LEFT = """
SELECT ceil(extract(epoch FROM hour + interval '1 hour' - now()))::int AS seconds FROM work
WHERE account_id = %s AND hour = date_trunc('hour', now(), 'UTC') AND cpu_seconds >= %s
"""


def check(database: Database, account_id: int, limit_seconds: int) -> None:
    """Raises WorkLimitError when the account's images have taken so much in this hour."""
    for row in database.execute(_SECONDS_LEFT, (account_id, limit_seconds)):
        raise WorkLimitError(
            max(1, row["seconds"]),
            "The images of this account have taken all the CPU time that they may take in this"
            " hour",
        )


_DELETE_OLD = "DELETE FROM work WHERE hour < now() - interval '1 day'"


def delete_old(database: Database) -> None:
    """Deletes hours that no budget needs any more; a day of them is kept for the operator."""
    with database.transaction() as connection:
        connection.execute(_DELETE_OLD)
