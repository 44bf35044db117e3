"""Accounts and their keys: exactly the current key opens the account."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.db import accounts
from shared.errors import OperatorError, UnauthorizedError
from shared.plans import Plan
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import make_account


def test_a_key_is_kept_only_as_a_hash(unit: Services) -> None:
    _, key = make_account(unit)
    with unit.database.transaction() as connection:
        rows = connection.execute("SELECT a.name, k.* FROM accounts a, api_keys k").fetchall()
    assert rows
    assert not any(key[9:] in str(row) or key[9:].encode() in row["key_hash"] for row in rows)


@every_case("change", [str.upper, lambda key: key[:-1], lambda key: key + "0"])
def test_a_key_that_is_not_exact_opens_nothing(unit: Services, change: object) -> None:
    _, key = make_account(unit)
    with pytest.raises(UnauthorizedError):
        accounts.authenticate(unit.database, change(key))  # type: ignore[operator] # a function


def test_of_two_who_exchange_one_key_one_gets_a_new_one(unit: Services) -> None:
    _, key = make_account(unit)

    def exchange(_: int) -> str | None:
        try:
            return accounts.roll_key(unit.database, key)
        except UnauthorizedError:
            return None

    with ThreadPoolExecutor(8) as pool:
        keys = [new for new in pool.map(exchange, range(8)) if new]
    assert len(keys) == 1
    assert accounts.authenticate(unit.database, keys[0]).plan == Plan.AGENCY


def test_a_rolled_key_ends_the_old_one(unit: Services) -> None:
    account, key = make_account(unit)
    accounts.roll_key_of(unit.database, account.name)
    with pytest.raises(UnauthorizedError):
        accounts.authenticate(unit.database, key)


def test_a_name_is_given_once(unit: Services) -> None:
    account, _ = make_account(unit)
    with pytest.raises(OperatorError, match="already"):
        accounts.create(unit.database, account.name, Plan.FREE)


def test_an_unknown_account_is_told_so(unit: Services) -> None:
    for call in (
        lambda: accounts.set_plan(unit.database, "nobody", Plan.FREE),
        lambda: accounts.add_topup(unit.database, "nobody", 1),
        lambda: accounts.roll_key_of(unit.database, "nobody"),
    ):
        with pytest.raises(OperatorError, match="nobody"):
            call()


def test_a_top_up_adds_at_least_one_credit(unit: Services) -> None:
    account, _ = make_account(unit)
    with pytest.raises(OperatorError):
        accounts.add_topup(unit.database, account.name, 0)


def test_a_hash_that_only_begins_alike_opens_nothing(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = make_account(unit)
    digest = accounts.key_hash(key)
    for other in (digest[:8] + bytes(24), digest[:31] + bytes([digest[31] ^ 1])):
        monkeypatch.setattr(accounts, "key_hash", lambda _, other=other: other)
        with pytest.raises(UnauthorizedError):
            accounts.authenticate(unit.database, key)


def test_of_two_hashes_that_begin_alike_each_opens_its_own_account(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, key), (second, _) = make_account(unit), make_account(unit)
    digest = accounts.key_hash(key)
    twin = digest[:31] + bytes([digest[31] ^ 1])
    with unit.database.transaction() as connection:
        connection.execute(
            "UPDATE api_keys SET key_hash = %s WHERE account_id = %s", (twin, second.id)
        )
    assert accounts.authenticate(unit.database, key).id == first.id
    monkeypatch.setattr(accounts, "key_hash", lambda _: twin)
    assert accounts.authenticate(unit.database, key).id == second.id


def test_a_key_has_160_random_bits(unit: Services) -> None:
    keys = [make_account(unit)[1] for _ in range(20)]
    assert all(accounts.KEY.fullmatch(key) for key in keys)
    # Where a character never changed in twenty, there is no randomness in it.
    assert all(len(set(column)) > 1 for column in zip(*(key[9:] for key in keys), strict=True))
