"""Webhooks as rows; `webhook_calls` makes the calls.

A webhook is `waiting` while its batch is open. A trigger makes it `pending` in the transaction that
closes the batch, another one makes it a `batch.cancelled` in the one that deletes the session
(`infra/migrations/versions/0008_webhooks.py`). It ends as `delivered` or `failed`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from shared.db.database import Connection

Event = Literal["batch.completed", "batch.cancelled"]
Status = Literal["waiting", "pending", "failed"]

MAX_LISTED = 100


@dataclass(frozen=True)
class Undelivered:
    """A webhook that was not delivered (yet), as a session shows it.

    url: without its query, which may hold a secret. last_status: None where there was no answer.
    next_attempt_at: None before the batch has closed, and after the last attempt.
    """

    batch_id: UUID
    url: str
    status: Status
    attempts: int
    last_status: int | None
    next_attempt_at: datetime | None


_INSERT = """
INSERT INTO webhooks (batch_id, account_id, session_id, session_name, url, origin)
SELECT b.id, b.account_id, s.id, s.name, %(url)s, %(origin)s
FROM batches AS b JOIN sessions AS s ON s.id = b.session_id WHERE b.id = %(batch_id)s
"""


def insert(connection: Connection, batch_id: UUID, url: str) -> None:
    """Makes the webhook of a batch that this transaction has just made. url: a checked one."""
    values = {"batch_id": batch_id, "url": url, "origin": origin_of(url)}
    connection.execute(_INSERT, values)


def origin_of(url: str) -> str:
    """Host and port of a checked URL: what calls are bounded by."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.hostname}:{port}"


_INHERIT = """
INSERT INTO webhooks (batch_id, account_id, session_id, session_name, url, origin)
SELECT %(new)s, account_id, session_id, session_name, url, origin
FROM webhooks WHERE batch_id = %(old)s
"""


def inherit(connection: Connection, old_batch_id: UUID, new_batch_id: UUID) -> None:
    """Gives a batch that repeats a part of an older one of its session the same webhook, if any."""
    connection.execute(_INHERIT, {"new": new_batch_id, "old": old_batch_id})


_UNDELIVERED = """
SELECT batch_id, url, status, attempts, last_status,
    CASE WHEN status = 'pending' THEN due_at END AS next_attempt_at
FROM webhooks WHERE session_id = %s AND status <> 'delivered'
ORDER BY created_at DESC, batch_id LIMIT %s
"""


def undelivered(connection: Connection, session_id: UUID) -> list[Undelivered]:
    """The session's newest webhooks that are not delivered, at most 100, the newest first."""
    rows = connection.execute(_UNDELIVERED, (session_id, MAX_LISTED)).fetchall()
    return [Undelivered(**row | {"url": without_query(row["url"])}) for row in rows]


def without_query(url: str) -> str:
    """The URL without query and fragment."""
    return urlsplit(url)._replace(query="", fragment="").geturl()
