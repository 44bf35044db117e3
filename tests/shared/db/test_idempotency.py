"""Of equal requests under one key exactly one is accepted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import pytest

from shared.db import idempotency
from shared.db.database import Connection, Database
from shared.db.idempotency import KeyClaim
from shared.errors import ConflictError, KeyReusedError, UnavailableError
from shared.services import Services
from tests.support.making import accept, make_account, make_batch
from tests.support.processes import eventually

DAY = 86_400


def begin(services: Services, account_id: int, fingerprint: bytes = b"same") -> KeyClaim | UUID:
    return idempotency.begin(services.database, account_id, "key", fingerprint, DAY)


def test_of_a_hundred_same_requests_one_may_accept(unit: Services) -> None:
    account, _ = make_account(unit)

    def ask(_: int) -> bool:
        try:
            return isinstance(begin(unit, account.id), KeyClaim)
        except ConflictError:
            return False

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(ask, range(100))) == 1


def test_a_repeat_is_told_of_the_first_ones_batch(unit: Services) -> None:
    account, _ = make_account(unit)
    accepting = begin(unit, account.id)
    assert isinstance(accepting, KeyClaim)
    batch = make_batch(unit, account, accepting=accepting)
    accept(unit, batch)
    assert begin(unit, account.id) == batch.id


def test_another_payload_under_the_key_is_refused(unit: Services) -> None:
    account, _ = make_account(unit)
    accepting = begin(unit, account.id)
    assert isinstance(accepting, KeyClaim)
    accept(unit, make_batch(unit, account, accepting=accepting))
    with pytest.raises(KeyReusedError):
        begin(unit, account.id, b"other")


def test_a_refused_request_frees_its_key(unit: Services) -> None:
    account, _ = make_account(unit)
    accepting = begin(unit, account.id)
    assert isinstance(accepting, KeyClaim)
    idempotency.forget(unit.database, accepting)
    assert isinstance(begin(unit, account.id, b"other"), KeyClaim)


class LostAnswer(Database):
    """Commits once, is lost before it can say so, and is back."""

    is_back = False

    @contextmanager
    def transaction(self, *, durable: bool = True, lock: str | None = None) -> Iterator[Connection]:
        with super().transaction(durable=durable, lock=lock) as connection:
            yield connection
        if not self.is_back:
            self.is_back = True
            raise UnavailableError("The database was lost")


def test_a_key_whose_request_was_lost_with_the_database_is_free(unit: Services) -> None:
    account, _ = make_account(unit)
    url = unit.settings.database_url.get_secret_value()
    with LostAnswer(url) as lost, pytest.raises(UnavailableError):
        idempotency.begin(lost, account.id, "key", b"same", DAY)
    assert isinstance(begin(unit, account.id), KeyClaim)


class Away(Database):
    """Not available until it is back."""

    is_back = False

    @contextmanager
    def transaction(self, *, durable: bool = True, lock: str | None = None) -> Iterator[Connection]:
        if not self.is_back:
            raise UnavailableError("The database is away")
        with super().transaction(durable=durable, lock=lock) as connection:
            yield connection


def test_a_key_that_cannot_be_freed_now_is_freed_when_postgres_is_back(unit: Services) -> None:
    account, _ = make_account(unit)
    accepting = begin(unit, account.id)
    assert isinstance(accepting, KeyClaim)
    with Away(unit.settings.database_url.get_secret_value()) as away:
        idempotency.forget(away, accepting)
        away.is_back = True

        def is_free() -> bool:
            try:
                return isinstance(begin(unit, account.id), KeyClaim)
            except ConflictError:
                return False

        assert eventually(is_free)


def test_a_request_that_died_while_accepting_loses_its_key_after_a_while(unit: Services) -> None:
    account, _ = make_account(unit)
    dead = begin(unit, account.id)
    assert isinstance(dead, KeyClaim)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE idempotency_keys SET accepting_until = now() - interval '1 s'")
    assert isinstance(begin(unit, account.id), KeyClaim)
    with pytest.raises(ConflictError):  # it was not dead: its batch is refused, not doubled
        accept(unit, make_batch(unit, account, accepting=dead))


def test_a_key_is_forgotten_after_a_day(unit: Services) -> None:
    account, _ = make_account(unit)
    accepting = begin(unit, account.id)
    assert isinstance(accepting, KeyClaim)
    accept(unit, make_batch(unit, account, accepting=accepting))
    with unit.database.transaction() as connection:
        connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 h'")
    assert isinstance(begin(unit, account.id, b"other"), KeyClaim)


def test_two_accounts_may_use_one_key(unit: Services) -> None:
    first, second = make_account(unit)[0], make_account(unit)[0]
    assert isinstance(begin(unit, first.id), KeyClaim)
    assert isinstance(begin(unit, second.id), KeyClaim)
