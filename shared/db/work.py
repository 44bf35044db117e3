"""The CPU seconds that each account's images took, by the hour, and the budget that they have."""

from uuid import UUID

from shared.db.database import Connection, Database
from shared.errors import WorkLimitError
from shared.fair_queue import MIN_CPU_SECONDS

# An image was charged its estimate when it was sent for the first time (shared/db/sending.py), and
# its first run settles that.
_ADD = """
WITH image AS (
    SELECT account_id, CASE WHEN lane IS NOT NULL AND attempt <= 1
        THEN greatest(cpu_seconds, %(floor)s) ELSE 0 END AS charged
    FROM images WHERE id = %(image_id)s AND account_id IS NOT NULL),
counted AS (
    INSERT INTO work (account_id, hour, cpu_seconds)
    SELECT account_id, date_trunc('hour', now(), 'UTC'), %(cpu_seconds)s FROM image
    ON CONFLICT (account_id, hour)
    DO UPDATE SET cpu_seconds = work.cpu_seconds + excluded.cpu_seconds)
UPDATE shares SET virtual_seconds = virtual_seconds + %(cpu_seconds)s - image.charged
FROM image WHERE shares.account_id = image.account_id
"""


def add(connection: Connection, image_id: UUID, cpu_seconds: float) -> None:
    """Counts what one run of the image took, whatever became of it, in place of its estimate.

    Last in a transaction: all of an account's images lock its rows, after those of images and
    batches.
    """
    values = {"image_id": image_id, "cpu_seconds": cpu_seconds, "floor": MIN_CPU_SECONDS}
    connection.execute(_ADD, values)


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
