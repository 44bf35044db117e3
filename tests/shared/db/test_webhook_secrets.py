"""Secrets of webhooks: encrypted at rest, and replaced without a gap."""

import base64

import pytest

from shared.db import webhook_secrets
from shared.secret_keys import SecretKeys
from shared.services import Services
from tests.support.making import make_account

KEYS = SecretKeys(["k" * 32])


def stored(unit: Services) -> list[bytes]:
    with unit.database.transaction() as connection:
        rows = connection.execute("SELECT secret FROM webhook_secrets ORDER BY id").fetchall()
    return [bytes(row["secret"]) for row in rows]


def test_a_secret_is_of_the_scheme_and_is_not_readable_at_rest(unit: Services) -> None:
    account, _ = make_account(unit)
    secret = webhook_secrets.roll(unit.database, KEYS, account.id)
    scheme, _, value = secret.partition("_")
    assert (scheme, len(base64.b64decode(value, validate=True))) == ("whsec", 32)
    assert value.encode() not in stored(unit)[0]
    assert base64.b64decode(value) not in stored(unit)[0]


def test_a_replaced_secret_signs_along_for_a_day(unit: Services) -> None:
    account, _ = make_account(unit)
    first, second = (webhook_secrets.roll(unit.database, KEYS, account.id) for _ in range(2))
    assert webhook_secrets.valid(unit.database, KEYS, account.id) == [second, first]
    with unit.database.transaction() as connection:
        connection.execute("UPDATE webhook_secrets SET expires_at = expires_at - interval '1 day'")
    assert webhook_secrets.valid(unit.database, KEYS, account.id) == [second]
    webhook_secrets.delete_expired(unit.database)
    assert len(stored(unit)) == 1
    assert webhook_secrets.exists(unit.database, account.id)


def test_a_secret_that_is_replaced_again_and_again_leaves_a_bounded_number(unit: Services) -> None:
    account, _ = make_account(unit)
    rolled = [webhook_secrets.roll(unit.database, KEYS, account.id) for _ in range(9)]
    assert webhook_secrets.valid(unit.database, KEYS, account.id) == rolled[:-6:-1]


def test_an_account_has_only_its_own_secrets(unit: Services) -> None:
    account, other = make_account(unit)[0], make_account(unit)[0]
    webhook_secrets.roll(unit.database, KEYS, account.id)
    assert not webhook_secrets.exists(unit.database, other.id)
    assert webhook_secrets.valid(unit.database, KEYS, other.id) == []


def test_a_secret_that_no_key_decrypts_is_told(unit: Services) -> None:
    account, _ = make_account(unit)
    webhook_secrets.roll(unit.database, KEYS, account.id)
    with pytest.raises(ValueError, match="FLUXIMAGE_SECRET_KEYS"):
        webhook_secrets.valid(unit.database, SecretKeys(["x" * 32]), account.id)
