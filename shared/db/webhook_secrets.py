"""The secrets that sign an account's webhooks, encrypted at rest."""

import base64
import secrets

from shared.db.database import Database
from shared.secret_keys import SecretKeys

OLD_SECONDS = 86_400  # how long a replaced secret signs along
_KEPT = 5  # newest secrets of an account, each a signature in the header of its calls
_RANDOM_BYTES = 32  # Standard Webhooks asks for 24 to 64

# `roll` locks the account, so that of two that roll at once one sees the other's secret.
_LOCK_ACCOUNT = "SELECT 1 FROM accounts WHERE id = %s FOR NO KEY UPDATE"
_END_OLD = """
UPDATE webhook_secrets SET expires_at = now() + make_interval(secs => %s)
WHERE account_id = %s AND expires_at IS NULL
"""
_INSERT = "INSERT INTO webhook_secrets (account_id, secret) VALUES (%s, %s)"
_DELETE_BEYOND = """
DELETE FROM webhook_secrets WHERE account_id = %(account)s AND id NOT IN (
    SELECT id FROM webhook_secrets WHERE account_id = %(account)s ORDER BY id DESC LIMIT %(kept)s)
"""


def roll(database: Database, keys: SecretKeys, account_id: int) -> str:
    """Makes a new secret for the account and returns it; the old one signs along for a day."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(_RANDOM_BYTES)).decode()}"
    with database.transaction() as connection:
        connection.execute(_LOCK_ACCOUNT, (account_id,))
        connection.execute(_END_OLD, (OLD_SECONDS, account_id))
        connection.execute(_INSERT, (account_id, keys.encrypt(secret)))
        connection.execute(_DELETE_BEYOND, {"account": account_id, "kept": _KEPT})
    return secret


_EXISTS = "SELECT 1 FROM webhook_secrets WHERE account_id = %s AND expires_at IS NULL"


def exists(database: Database, account_id: int) -> bool:
    """Whether the account has a secret."""
    return bool(database.execute(_EXISTS, (account_id,)))


_VALID = """
SELECT secret FROM webhook_secrets
WHERE account_id = %s AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC
"""


def valid(database: Database, keys: SecretKeys, account_id: int) -> list[str]:
    """The secrets that sign now, the newest first; raises ValueError when one does not decrypt."""
    return [keys.decrypt(row["secret"]) for row in database.execute(_VALID, (account_id,))]


_DELETE_EXPIRED = "DELETE FROM webhook_secrets WHERE expires_at < now()"


def delete_expired(database: Database) -> None:
    """Deletes the secrets that sign no more."""
    with database.transaction() as connection:
        connection.execute(_DELETE_EXPIRED)
