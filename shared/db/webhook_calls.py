"""Calls of webhooks: who may make the next one, and what follows from its end.

A call is claimed like a step of an image: a lease (until when), a token (whose commit counts) and
a holder. No claim is for a certain row: whoever is free gets the one that is best served now, so
that receivers that hang take only their share of the worker.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from shared.db.database import Database
from shared.db.webhooks import Event

CALLS_AT_ONCE = 128  # threads of the worker: one call each (infra/processes.py)
LEASE_SECONDS = 60  # a call ends after 30 s (shared/outbound)
_LOCK = 0x63616C6C  # one claim at a time: two that count together would pass the bounds


@dataclass(frozen=True)
class Bounds:
    """How many calls may be under way: of one account, to one host and port, and repeats in all.

    Repeats, whose receivers have failed before, have bounds of their own, so that there is always
    room for a first attempt.
    """

    account: int = 48
    account_repeats: int = 16
    origin: int = 8
    repeats: int = CALLS_AT_ONCE // 2


BOUNDS = Bounds()


@dataclass(frozen=True)
class Call:
    """The right to make one attempt. message_id: the event's, the same at each attempt."""

    batch_id: UUID
    account_id: int
    session_name: str
    url: str
    origin: str
    event: Event
    message_id: UUID
    occurred_at: datetime
    attempts: int
    token: UUID


# Of each account only its oldest calls that are due are looked at: whatever one account has piled
# up for a receiver that hangs, the next call is found as quickly.
_STARTABLE = """
WITH RECURSIVE under_way AS MATERIALIZED (
    SELECT account_id, origin, attempts > 1 AS is_repeat FROM webhooks
    WHERE token IS NOT NULL AND lease_until > now()
), of_account AS MATERIALIZED (
    SELECT account_id, count(*) AS calls, count(*) FILTER (WHERE is_repeat) AS repeats
    FROM under_way GROUP BY account_id
), waiting AS (
    (SELECT account_id FROM webhooks WHERE status = 'pending' AND token IS NULL
     ORDER BY account_id LIMIT 1)
    UNION ALL
    SELECT (SELECT w.account_id FROM webhooks AS w
            WHERE w.status = 'pending' AND w.token IS NULL AND w.account_id > waiting.account_id
            ORDER BY w.account_id LIMIT 1)
    FROM waiting WHERE account_id IS NOT NULL
), startable AS (
    SELECT w.batch_id, w.account_id, w.origin, w.is_repeat, w.due_at,
        coalesce(a.calls, 0) AS calls, coalesce(a.repeats, 0) AS repeats
    FROM waiting LEFT JOIN of_account AS a USING (account_id), LATERAL (
        (SELECT * FROM webhooks WHERE account_id = waiting.account_id
         AND status = 'pending' AND token IS NULL AND NOT is_repeat AND due_at <= now()
         ORDER BY due_at LIMIT %(looked_at)s)
        UNION ALL
        (SELECT * FROM webhooks WHERE account_id = waiting.account_id
         AND status = 'pending' AND token IS NULL AND is_repeat AND due_at <= now()
         AND coalesce(a.repeats, 0) < %(account_repeats)s
         AND (SELECT count(*) FROM under_way WHERE is_repeat) < %(repeats)s
         ORDER BY due_at LIMIT %(looked_at)s)) AS w
    WHERE coalesce(a.calls, 0) < %(account)s AND w.origin NOT IN (
        SELECT origin FROM under_way GROUP BY origin HAVING count(*) >= %(origin)s)
)
"""
_LOOKED_AT = 200
_LOCK_CLAIMS = "SELECT pg_advisory_xact_lock(%s)"
# The account with the fewest calls under way first, then first attempts before repeats.
_CLAIM = f"""
{_STARTABLE}
UPDATE webhooks AS w
SET attempts = attempts + 1, token = %(token)s, claimed_by = %(holder)s,
    lease_until = now() + make_interval(secs => %(lease_seconds)s)
WHERE w.batch_id = (
    SELECT batch_id FROM startable ORDER BY calls, is_repeat, due_at LIMIT 1)
AND w.status = 'pending' AND w.token IS NULL
RETURNING w.batch_id, w.account_id, w.session_name, w.url, w.origin, w.event, w.message_id,
    w.occurred_at, w.attempts, w.token
"""  # noqa: S608 - our own constants
# As many as the accounts have room for, and not more than the origins have: else each end of a call
# to a host at its bound would send a message for all that waits for that host.
_COUNT = f"""
{_STARTABLE}, of_accounts AS (
    SELECT least(%(account)s - min(calls), count(*) FILTER (WHERE NOT is_repeat)
        + least(%(account_repeats)s - min(repeats), count(*) FILTER (WHERE is_repeat))) AS calls
    FROM startable GROUP BY account_id
), of_origins AS (
    SELECT least(count(*), %(origin)s
        - (SELECT count(*) FROM under_way WHERE origin = startable.origin)) AS calls
    FROM startable GROUP BY origin
)
SELECT least(%(at_once)s, (SELECT coalesce(sum(calls), 0) FROM of_accounts),
    (SELECT coalesce(sum(calls), 0) FROM of_origins)) AS startable
"""  # noqa: S608 - our own constants


def claim_next(database: Database, holder: str, bounds: Bounds = BOUNDS) -> Call | None:
    """The right to make the next call that is due; None when there is none within the bounds."""
    values = vars(bounds) | {
        "looked_at": _LOOKED_AT,
        "token": uuid4(),
        "holder": holder,
        "lease_seconds": LEASE_SECONDS,
    }
    with database.transaction() as connection:
        connection.execute(_LOCK_CLAIMS, (_LOCK,))
        row = connection.execute(_CLAIM, values).fetchone()
    return Call(**row) if row else None


def count_startable(database: Database, bounds: Bounds = BOUNDS) -> int:
    """How many calls are due and may start now, at most as many as one worker makes at once."""
    values = vars(bounds) | {"looked_at": _LOOKED_AT, "at_once": CALLS_AT_ONCE}
    [row] = database.execute(_COUNT, values)
    return int(row["startable"])


_DELIVERED = """
UPDATE webhooks
SET status = 'delivered', last_status = %(status)s, ended_at = now(), token = NULL,
    lease_until = NULL
WHERE batch_id = %(batch_id)s AND token = %(token)s
"""


def note_delivered(database: Database, call: Call, status: int) -> bool:
    """Ends the webhook as delivered; returns False when the claim was lost."""
    return _end(database, _DELIVERED, call, status)


# After 5 s, 30 s, 2 min, 10 min and 1 h, then hourly, to 24 h after the event.
_NEXT = "now() + make_interval(secs => (ARRAY[5, 30, 120, 600, 3600])[least(attempts, 5)])"
_IS_LAST = f"{_NEXT} > occurred_at + interval '24 hours'"
_AGAIN_LATER = f"""
status = CASE WHEN {_IS_LAST} THEN 'failed' ELSE 'pending' END,
    ended_at = CASE WHEN {_IS_LAST} THEN now() END,
    due_at = {_NEXT}, token = NULL, lease_until = NULL
"""
_FAILED = f"""
UPDATE webhooks SET last_status = %(status)s, {_AGAIN_LATER}
WHERE batch_id = %(batch_id)s AND token = %(token)s
"""  # noqa: S608 - our own constants


def note_failed(database: Database, call: Call, status: int | None) -> bool:
    """Notes an attempt that failed; the next one follows the schedule, until it has ended.

    status: None where no answer came. Returns False when the claim was lost.
    """
    return _end(database, _FAILED, call, status)


_REFUSED = """
UPDATE webhooks
SET status = 'failed', last_status = %(status)s, ended_at = now(), token = NULL,
    lease_until = NULL
WHERE batch_id = %(batch_id)s AND token = %(token)s
"""


def give_up(database: Database, call: Call, status: int) -> bool:
    """Ends the webhook as failed, without another attempt; False when the claim was lost."""
    return _end(database, _REFUSED, call, status)


def _end(database: Database, statement: str, call: Call, status: int | None) -> bool:
    values = {"batch_id": call.batch_id, "token": call.token, "status": status}
    with database.transaction() as connection:
        return bool(connection.execute(statement, values).rowcount)


# A locked row is left: the deletion of a session changes many rows too, in another order, and two
# statements that wait for each other end with an error.
_END_LOST = f"""
UPDATE webhooks SET {_AGAIN_LATER}
WHERE batch_id IN (
    SELECT batch_id FROM webhooks WHERE token IS NOT NULL AND {{condition}}
    FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - our own constants
_LEASE_ENDED = _END_LOST.format(condition="lease_until < now()")
_OF_WORKER = _END_LOST.format(condition="starts_with(claimed_by, %s)")


def end_lost(database: Database) -> None:
    """Ends the claims whose worker went silent: each counts as an attempt that failed."""
    with database.transaction() as connection:
        connection.execute(_LEASE_ENDED)


def end_claims_of_worker(database: Database, worker: str) -> None:
    """Ends the claims of all processes of one worker, which is gone: holders named `worker/…`."""
    with database.transaction() as connection:
        connection.execute(_OF_WORKER, (f"{worker}/",))


def end_all_claims(database: Database) -> None:
    """Ends every claim; for a moment at which no worker runs."""
    with database.transaction() as connection:
        connection.execute(_OF_WORKER, ("",))


_DELETE_OLD = "DELETE FROM webhooks WHERE ended_at < now() - make_interval(secs => %s)"


def delete_old(database: Database, keep_seconds: int) -> None:
    """Deletes webhooks that ended so long ago."""
    with database.transaction() as connection:
        connection.execute(_DELETE_OLD, (keep_seconds,))
