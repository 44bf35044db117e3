"""Accounts and their keys. A key is shown once; only its SHA-256 is kept.

A key carries 160 random bits, so a plain hash is enough: there is nothing to guess from.
"""

import hashlib
import hmac
import re
import secrets
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


_COLUMNS = "a.id, a.name, a.plan, a.topup_credits, a.created_at"


def create(database: Database, name: str, plan: Plan) -> str:
    """Makes an account and gives its key; raises OperatorError when the name is taken."""
    with database.transaction() as connection:
        try:
            row = connection.execute(
                "INSERT INTO accounts (name, plan) VALUES (%s, %s) RETURNING id", (name, plan)
            ).fetchone()
        except UniqueViolation:
            raise OperatorError(f"There is an account named {name} already") from None
        return _issue(connection, one(row)["id"])


def set_plan(database: Database, name: str, plan: Plan) -> None:
    """Puts the account on another plan, from its next request on; raises OperatorError."""
    _update(database, name, "plan = %s", plan)


def add_topup(database: Database, name: str, credits: int) -> None:
    """Adds AI credits that never expire; raises OperatorError."""
    if credits < 1:
        raise OperatorError("A top-up has at least one credit")
    _update(database, name, "topup_credits = topup_credits + %s", credits)


def list_all(database: Database) -> list[Account]:
    """Every account, by name."""
    with database.autocommit() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM accounts a ORDER BY a.name"  # noqa: S608 - our own constant
        ).fetchall()
    return [Account(**row | {"plan": Plan(row["plan"])}) for row in rows]


def authenticate(database: Database, key: str) -> Account:
    """Whose key this is; raises UnauthorizedError alike for malformed, unknown and revoked.

    Never cached: a rolled key is dead for the next request, on every machine.
    """
    if not KEY.fullmatch(key):
        raise UnauthorizedError
    digest = _hash(key)
    with database.autocommit() as connection:
        rows = connection.execute(
            f"SELECT k.key_hash, {_COLUMNS} FROM accounts a JOIN api_keys k ON k.account_id = a.id"  # noqa: S608 - our own constant
            " WHERE k.key_hash BETWEEN %s AND %s AND k.revoked_at IS NULL",
            _candidates(digest),
        ).fetchall()
    for row in rows:
        if hmac.compare_digest(row.pop("key_hash"), digest):
            return Account(**row | {"plan": Plan(row["plan"])})
    raise UnauthorizedError


def exchange_key(database: Database, key: str) -> str:
    """A new key for the one given, which ends; raises UnauthorizedError if it has ended."""
    with database.transaction() as connection:
        # The account first, as `roll_key` does: the other way round deadlocks.
        connection.execute(
            "SELECT 1 FROM accounts AS a JOIN api_keys AS k ON k.account_id = a.id"
            " WHERE k.key_hash = %s FOR UPDATE OF a",
            (_hash(key),),
        )
        row = connection.execute(
            "UPDATE api_keys SET revoked_at = now()"
            " WHERE key_hash = %s AND revoked_at IS NULL RETURNING account_id",
            (_hash(key),),
        ).fetchone()
        if row is None:
            raise UnauthorizedError
        return _issue(connection, row["account_id"])


def roll_key(database: Database, name: str) -> str:
    """A new key for the account of that name; the old one ends; raises OperatorError."""
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT id FROM accounts WHERE name = %s FOR UPDATE", (name,)
        ).fetchone()
        if row is None:
            raise OperatorError(f"There is no account named {name}")
        connection.execute(
            "UPDATE api_keys SET revoked_at = now() WHERE account_id = %s AND revoked_at IS NULL",
            (row["id"],),
        )
        return _issue(connection, row["id"])


def _issue(connection: Connection, account_id: int) -> str:
    key = f"flx_live_{secrets.token_hex(20)}"
    connection.execute(
        "INSERT INTO api_keys (key_hash, account_id) VALUES (%s, %s)", (_hash(key), account_id)
    )
    return key


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _candidates(digest: bytes) -> tuple[bytes, bytes]:
    """The bounds of all hashes that begin as `digest` does.

    An index takes the longer the more of a hash is right. Asked for a quarter of one, its time
    tells nothing of the rest, which is compared in constant time.
    """
    start = digest[:8]
    return start + bytes(24), start + b"\xff" * 24


def _update(database: Database, name: str, assignment: str, value: object) -> None:
    with database.autocommit() as connection:
        changed = connection.execute(
            f"UPDATE accounts SET {assignment} WHERE name = %s",  # noqa: S608 - our own constants
            (value, name),
        ).rowcount
    if not changed:
        raise OperatorError(f"There is no account named {name}")
