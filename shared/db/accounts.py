"""Accounts and their keys. A key is shown once; only its SHA-256 is kept.

A key carries 160 random bits, so a plain hash is enough: nobody can guess it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation

from shared.db.database import Connection, Database, one
from shared.errors import OperatorError, UnauthorizedError
from shared.plans import Plan

KEY = re.compile(r"flx_live_[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """One customer of this installation."""

    id: int
    name: str
    plan: Plan
    topup_credits: int
    created_at: datetime


_CREATE = "INSERT INTO accounts (name, plan) VALUES (%s, %s) RETURNING id"


def create(database: Database, name: str, plan: Plan) -> str:
    """Makes an account and returns its key; raises OperatorError when the name is taken."""
    with database.transaction() as connection:
        try:
            row = connection.execute(_CREATE, (name, plan)).fetchone()
        except UniqueViolation:
            raise OperatorError(
                f"An account named {name} already exists; choose another name"
            ) from None
        return _issue(connection, one(row)["id"])


_SET_PLAN = "UPDATE accounts SET plan = %s WHERE name = %s"


def set_plan(database: Database, name: str, plan: Plan) -> None:
    """Changes the account's plan, from its next request on.

    Raises OperatorError for an unknown name.
    """
    _update(database, _SET_PLAN, plan, name)


_ADD_TOPUP = "UPDATE accounts SET topup_credits = topup_credits + %s WHERE name = %s"


def add_topup(database: Database, name: str, credits: int) -> None:
    """Adds AI credits that never expire.

    Raises OperatorError for an unknown name, and for less than one credit.
    """
    if credits < 1:
        raise OperatorError(f"A top-up must have at least one credit, not {credits}")
    _update(database, _ADD_TOPUP, credits, name)


_LIST = "SELECT id, name, plan, topup_credits, created_at FROM accounts ORDER BY name"


def list_all(database: Database) -> list[Account]:
    """Every account, by name."""
    rows = database.execute(_LIST)
    return [Account(**row | {"plan": Plan(row["plan"])}) for row in rows]


_BY_KEY_HASH = """
SELECT k.key_hash, a.id, a.name, a.plan, a.topup_credits, a.created_at
FROM accounts AS a JOIN api_keys AS k ON k.account_id = a.id
WHERE k.key_hash BETWEEN %s AND %s AND k.revoked_at IS NULL
"""


def authenticate(database: Database, key: str) -> Account:
    """The account that owns the key; raises UnauthorizedError if malformed, unknown or revoked.

    Never cached, so every machine refuses a rolled key from the next request on.
    """
    if not KEY.fullmatch(key):
        raise UnauthorizedError
    digest = key_hash(key)
    for row in database.execute(_BY_KEY_HASH, _candidates(digest)):
        if hmac.compare_digest(row.pop("key_hash"), digest):
            return Account(**row | {"plan": Plan(row["plan"])})
    raise UnauthorizedError


_OWNER = """
SELECT a.name FROM accounts AS a JOIN api_keys AS k ON k.account_id = a.id WHERE k.key_hash = %s
"""


def owner_of(database: Database, key: str) -> str | None:
    """The name of the account whose key this is or, before it was revoked, was; None: of none."""
    names = [row["name"] for row in database.execute(_OWNER, (key_hash(key),))]
    return names[0] if names else None


_LIVE_KEYS = "SELECT key_hash FROM api_keys WHERE key_hash = ANY(%s) AND revoked_at IS NULL"


def live_keys(database: Database, hashes: Iterable[bytes]) -> set[bytes]:
    """Those of these hashes, each of a key that was valid once, whose key is valid still."""
    return {row["key_hash"] for row in database.execute(_LIVE_KEYS, (list(hashes),))}


# The account first, as `roll_key_of` locks it: the other way round deadlocks.
_LOCK_ACCOUNT_OF_KEY = """
SELECT 1 FROM accounts AS a JOIN api_keys AS k ON k.account_id = a.id
WHERE k.key_hash = %s FOR UPDATE OF a
"""
_REVOKE_KEY = """
UPDATE api_keys SET revoked_at = now()
WHERE key_hash = %s AND revoked_at IS NULL RETURNING account_id
"""


def roll_key(database: Database, key: str) -> str:
    """Revokes the key and returns a new one; raises UnauthorizedError if it is revoked already."""
    with database.transaction() as connection:
        connection.execute(_LOCK_ACCOUNT_OF_KEY, (key_hash(key),))
        row = connection.execute(_REVOKE_KEY, (key_hash(key),)).fetchone()
        if row is None:
            raise UnauthorizedError
        return _issue(connection, row["account_id"])


_LOCK_ACCOUNT = "SELECT id FROM accounts WHERE name = %s FOR UPDATE"
_REVOKE_KEYS = """
UPDATE api_keys SET revoked_at = now() WHERE account_id = %s AND revoked_at IS NULL
"""


def roll_key_of(database: Database, name: str) -> str:
    """Revokes the account's key and returns a new one.

    Raises OperatorError for an unknown name.
    """
    with database.transaction() as connection:
        row = connection.execute(_LOCK_ACCOUNT, (name,)).fetchone()
        if row is None:
            raise _unknown(name)
        connection.execute(_REVOKE_KEYS, (row["id"],))
        return _issue(connection, row["id"])


_INSERT_KEY = "INSERT INTO api_keys (key_hash, account_id) VALUES (%s, %s)"


def _issue(connection: Connection, account_id: int) -> str:
    key = f"flx_live_{secrets.token_hex(20)}"
    connection.execute(_INSERT_KEY, (key_hash(key), account_id))
    return key


def key_hash(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def _candidates(digest: bytes) -> tuple[bytes, bytes]:
    """The lowest and highest of all hashes that begin as `digest` does.

    The time of an index look-up depends on how many leading bytes match. So only a quarter of the
    hash is looked up, and the rest is compared in constant time.
    """
    start = digest[:8]
    return start + bytes(24), start + b"\xff" * 24


def _update(database: Database, statement: str, value: object, name: str) -> None:
    with database.transaction() as connection:
        changed = connection.execute(statement, (value, name)).rowcount
    if not changed:
        raise _unknown(name)


def _unknown(name: str) -> OperatorError:
    return OperatorError(
        f"There is no account named {name}; `fluximage accounts list` prints those that exist"
    )
