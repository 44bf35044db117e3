"""Idempotency-Key: the same request twice is one batch and one charge.

A key is held only while its request is being accepted (stored and written), for a bounded
time, so that an API process that dies in between does not lock the key for good.
"""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID, uuid4

from shared.db.database import Connection, Database, one
from shared.errors import ConflictError, KeyReusedError, UnavailableError

# Far above what storing 20 originals of 20 MB takes on a slow store. A request that needs longer
# loses the key to its repeat, and `finish` refuses it then: there are never two batches.
_ACCEPTING_SECONDS = 300
_FREE_AGAIN_SECONDS = 0.5

_BEING_ACCEPTED = (
    "Another request with this Idempotency-Key is being accepted; send this one again in a second"
)


@dataclass(frozen=True)
class KeyClaim:
    """The right to turn one key into a batch; `token` fences a request that lost it."""

    account_id: int
    key: str
    token: UUID


def begin(
    database: Database, account_id: int, key: str, fingerprint: bytes, keep_seconds: int
) -> KeyClaim | UUID:
    """The right to accept, or the id of the batch that this very request made before.

    Raises ConflictError while the first request is being accepted, KeyReusedError when the
    key came with another payload.
    """
    claim = KeyClaim(account_id, key, uuid4())
    try:
        return _take(database, claim, fingerprint, keep_seconds)
    except UnavailableError:
        # The row may be committed nevertheless, and no request would know that it holds the key.
        forget(database, claim)
        raise


_TAKE = """
INSERT INTO idempotency_keys AS k
    (account_id, key, fingerprint, token, accepting_until)
VALUES (%(account)s, %(key)s, %(print)s, %(token)s,
    now() + make_interval(secs => %(hold)s))
ON CONFLICT (account_id, key) DO UPDATE
SET fingerprint = excluded.fingerprint, token = excluded.token,
    accepting_until = excluded.accepting_until, created_at = now(), batch_id = NULL
WHERE (k.batch_id IS NULL AND k.accepting_until < now())
    OR k.created_at < now() - make_interval(secs => %(keep)s)
"""
_HOLDER = "SELECT fingerprint, batch_id FROM idempotency_keys WHERE account_id = %s AND key = %s"


def _take(
    database: Database, claim: KeyClaim, fingerprint: bytes, keep_seconds: int
) -> KeyClaim | UUID:
    account_id, key = claim.account_id, claim.key
    with database.transaction() as connection:
        taken = connection.execute(
            _TAKE,
            {
                "account": account_id,
                "key": key,
                "print": fingerprint,
                "token": claim.token,
                "hold": _ACCEPTING_SECONDS,
                "keep": keep_seconds,
            },
        ).rowcount
        if taken:
            return claim
        row = one(connection.execute(_HOLDER, (account_id, key)).fetchone())
    if row["batch_id"] is None:
        raise ConflictError(_BEING_ACCEPTED)
    batch_id: UUID = row["batch_id"]
    if row["fingerprint"] != fingerprint:
        raise KeyReusedError(batch_id)
    return batch_id


_FINISH = """
UPDATE idempotency_keys SET batch_id = %s
WHERE account_id = %s AND key = %s AND token = %s AND batch_id IS NULL
"""


def finish(connection: Connection, claim: KeyClaim, batch_id: UUID) -> None:
    """Ties the key to its batch; raises ConflictError when a repeat took the key over."""
    values = (batch_id, claim.account_id, claim.key, claim.token)
    if not connection.execute(_FINISH, values).rowcount:
        raise ConflictError(_BEING_ACCEPTED)


def forget(database: Database, claim: KeyClaim) -> None:
    """Frees the key of a request that was refused: refusals are not remembered.

    While Postgres is down, a thread tries again: the client's repeats would get 409.
    """
    try:
        _free(database, claim)
    except UnavailableError:
        threading.Thread(target=_free_later, args=(database, claim), daemon=True).start()


_FREE = """
DELETE FROM idempotency_keys
WHERE account_id = %s AND key = %s AND token = %s AND batch_id IS NULL
"""


def _free(database: Database, claim: KeyClaim) -> None:
    with database.transaction() as connection:
        connection.execute(_FREE, (claim.account_id, claim.key, claim.token))


def _free_later(database: Database, claim: KeyClaim) -> None:
    deadline = time.monotonic() + _ACCEPTING_SECONDS  # then it is free by itself
    while time.monotonic() < deadline:
        time.sleep(_FREE_AGAIN_SECONDS)
        with suppress(UnavailableError):
            _free(database, claim)
            return
