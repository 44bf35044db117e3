"""How long the queue is, and whether it takes more images of an account.

Counting all that waits takes time by its number, and anyone may ask for it. So the count is kept,
and made again when it is old compared to what it takes.
"""

from dataclasses import dataclass

from shared.db.database import Database
from shared.errors import QueueFullError
from shared.settings import Settings

_IMAGES_COUNTED_PER_SECOND = 100_000  # so that counting takes a few per cent of the time


@dataclass(frozen=True)
class QueueState:
    """All that waits for a worker.

    images: how many. age_seconds: of the oldest, 0 where none waits. accounts: whose they are.
    cpu_seconds: their work, as far as it is estimated.
    """

    images: int
    age_seconds: float
    accounts: int
    cpu_seconds: float


_STATE = """
SELECT images, accounts, cpu_seconds,
    coalesce(extract(epoch FROM now() - oldest_at), 0)::float8 AS age_seconds,
    counted_at < now() - make_interval(secs => images::float8 / %s) AS is_old
FROM backlog
"""
# Whoever finds it locked takes the old count: another one counts.
_COUNT = """
UPDATE backlog SET images = new.images, accounts = new.accounts, cpu_seconds = new.cpu_seconds,
    oldest_at = new.oldest_at, counted_at = now()
FROM (SELECT FROM backlog FOR UPDATE SKIP LOCKED) AS free, LATERAL (
    SELECT count(*) AS images, count(DISTINCT account_id) AS accounts,
        coalesce(sum(cpu_seconds), 0) AS cpu_seconds, min(created_at) AS oldest_at
    FROM images WHERE state IN ('queued', 'optimised')) AS new
"""


def queue_state(database: Database) -> QueueState:
    """The queue of the whole installation."""
    for _ in range(2):
        [row] = database.execute(_STATE, (_IMAGES_COUNTED_PER_SECOND,))
        if not row.pop("is_old"):
            break
        with database.transaction(durable=False) as connection:
            connection.execute(_COUNT)
    return QueueState(**row)


_OWN = """
SELECT coalesce(min(created_at) < now() - make_interval(secs => %(age_seconds)s), false) AS is_old,
    min(created_at) IS NOT NULL AS waits
FROM (SELECT created_at FROM images WHERE account_id = %(account_id)s
    AND state IN ('queued', 'optimised') ORDER BY created_at LIMIT 1) AS oldest
"""
_HAS_MORE_THAN = """
SELECT FROM images WHERE account_id = %s AND state IN ('queued', 'optimised') OFFSET %s LIMIT 1
"""


def check_queue(database: Database, account_id: int, settings: Settings) -> None:
    """Raises QueueFullError where the account has filled the queue.

    Its oldest image has waited for too long, or all accounts together have too many that wait, and
    this one more than its share of what the queue takes. Who has none in it is never refused.
    """
    own = {"account_id": account_id, "age_seconds": settings.max_queue_age_seconds}
    [row] = database.execute(_OWN, own)
    if row["is_old"]:
        raise QueueFullError("Your images have waited for too long; try again later", 30)
    if row["waits"] and _has_too_many(database, account_id, settings.max_queue_images):
        raise QueueFullError("Too many of your images wait now; try again later", 30)


def _has_too_many(database: Database, account_id: int, max_images: int) -> bool:
    queue = queue_state(database)
    if queue.images <= max_images:
        return False
    share = max_images // queue.accounts
    return bool(database.execute(_HAS_MORE_THAN, (account_id, share)))
