"""How long the queue is, and whether it is too old to take more."""

from dataclasses import dataclass

from shared.db.database import Database, one
from shared.errors import UnavailableError


@dataclass(frozen=True)
class QueueState:
    """Images that wait for a worker, and the age of the oldest in seconds (0 when none)."""

    depth: int
    age_seconds: float


def queue_state(database: Database) -> QueueState:
    """The whole installation's queue, from the rows."""
    with database.autocommit() as connection:
        row = one(
            connection.execute(
                "SELECT count(*) AS depth,"
                " coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age_seconds"
                " FROM images WHERE state IN ('queued', 'optimised')"
            ).fetchone()
        )
    return QueueState(**row)


def check_queue_age(database: Database, limit_seconds: int) -> None:
    """Raises UnavailableError when the oldest queued image is older than the limit."""
    with database.autocommit() as connection:
        row = connection.execute(
            "SELECT 1 FROM images WHERE state IN ('queued', 'optimised')"
            " AND created_at < now() - make_interval(secs => %s) LIMIT 1",
            (limit_seconds,),
        ).fetchone()
    if row is not None:
        raise UnavailableError("The queue is too long now, try again later", 30)
