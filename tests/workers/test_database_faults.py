"""A fault of the database, wherever it comes, costs an image no attempt: it waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg.abc import Params

from infra.dev.messages_api import MessagesApi
from shared.db import credits, images, sessions, views
from shared.db.accounts import Account
from shared.db.database import Connection, Database, Row, one, within
from shared.db.image_states import DESCRIBE, OPTIMISE, Step
from shared.errors import DatabaseDownError
from shared.models import Options
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, asking, make_account, make_batch
from tests.support.processes import eventually
from workers import periodic, steps, sweep
from workers.ai.provider import Provider
from workers.steps import claiming

# What goes wrong in a transaction before its first statement, as SQL.
FAULTS: dict[str, LiteralString] = {
    "connection lost": "SELECT pg_terminate_backend(pg_backend_pid())",
    "statement timeout": "SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)",
    "a standby": "SET TRANSACTION READ ONLY",
    "a table is missing": "SET LOCAL search_path = pg_temp",
    "a right is missing": "SET LOCAL ROLE pg_monitor",
    "the pooler lost a statement": "EXECUTE nobody_prepared_it",
}
ANSWER_LOST = "the answer to COMMIT is lost"


class FailingDatabase(Database):
    """Fails in its transaction number `at`, and in `times` in all."""

    def __init__(self, url: str, fault: str, at: int, times: int = 1) -> None:
        super().__init__(url, max_connections=4)
        self.fault, self.at, self.times, self.begun = fault, at, times, 0

    @contextmanager
    def transaction(self, *, durable: bool = True, lock: str | None = None) -> Iterator[Connection]:
        now = self._is_next_to_fail()
        with super().transaction(durable=durable, lock=lock) as connection:
            if now and self.fault in FAULTS:
                connection.execute(FAULTS[self.fault])
            yield connection
        if now:
            raise DatabaseDownError

    def execute(self, statement: str, values: Params | None = None) -> list[Row]:
        if not self._is_next_to_fail():
            return super().execute(statement, values)
        if self.fault in FAULTS:
            with super().transaction() as connection:
                connection.execute(FAULTS[self.fault])
                return within(connection)(statement, values or ())
        super().execute(statement, values)
        raise DatabaseDownError

    def _is_next_to_fail(self) -> bool:
        self.begun += 1
        return self.at <= self.begun < self.at + self.times


@dataclass(frozen=True)
class Waiting:
    account: Account
    batch_id: UUID
    image_id: UUID


def waiting(services: Services, options: Options | None = None) -> Waiting:
    account, _ = make_account(services)
    batch = make_batch(services, account, options=options)
    (image_id,) = accept(services, batch)
    return Waiting(account, batch.id, image_id)


@contextmanager
def failing(services: Services, fault: str, at: int, times: int = 1) -> Iterator[Services]:
    url = services.settings.database_url.get_secret_value()
    with FailingDatabase(url, fault, at, times) as database:
        yield replace(services, database=database)


def attempts(services: Services, image: Waiting) -> dict[str, object]:
    with services.database.transaction() as connection:
        return one(
            connection.execute(
                "SELECT state, attempt, describe_attempt FROM images WHERE id = %s",
                (image.image_id,),
            ).fetchone()
        )


@pytest.mark.parametrize("at", [1, 2], ids=["claim", "commit"])
@pytest.mark.parametrize("fault", [*FAULTS, ANSWER_LOST])
def test_an_image_is_optimised_after_any_fault_as_if_there_had_been_none(
    unit: Services, fault: str, at: int
) -> None:
    image = waiting(unit)
    with failing(unit, fault, at) as broken:
        steps.optimise(broken, image.image_id)
    committed = fault == ANSWER_LOST and at == 2
    if not committed:
        assert attempts(unit, image) == {"state": "queued", "attempt": 0, "describe_attempt": 0}
        steps.optimise(unit, image.image_id)
    assert attempts(unit, image) == {"state": "done", "attempt": 1, "describe_attempt": 0}
    (ended,) = views.view_batch(unit.database, image.account.id, image.batch_id).images
    assert ended.output_key is not None
    assert unit.store.get(ended.output_key)
    assert credits.balance(unit.database, image.account.id).images_used == 1


def test_a_bad_image_fails_for_its_own_reason_after_a_fault(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, data=b"just text")
    (image_id,) = accept(unit, batch)
    with failing(unit, "connection lost", at=2) as broken:
        steps.optimise(broken, image_id)
    steps.optimise(unit, image_id)
    (ended,) = views.view_batch(unit.database, account.id, batch.id).images
    assert ended.error_code == "unsupported_image"


@pytest.mark.parametrize("at", [1, 2, 3, 4], ids=["claim", "tokens left", "tokens spent", "commit"])
@pytest.mark.parametrize("fault", ["connection lost", "a standby", ANSWER_LOST])
def test_an_image_is_described_after_any_fault_as_if_there_had_been_none(
    unit: Services, fault: str, at: int
) -> None:
    image = waiting(unit, BOTH_TEXTS)
    steps.optimise(unit, image.image_id)
    with MessagesApi() as model:
        settings = asking(unit.settings, model)
        with closing(Provider(settings, unit.redis)) as provider:
            with failing(replace(unit, settings=settings), fault, at) as broken:
                steps.describe(broken, provider, image.image_id)
            state = attempts(unit, image)
            if state["state"] != "done":
                assert state == {"state": "optimised", "attempt": 1, "describe_attempt": 0}
                steps.describe(replace(unit, settings=settings), provider, image.image_id)
    assert attempts(unit, image) == {"state": "done", "attempt": 1, "describe_attempt": 1}
    (ended,) = views.view_batch(unit.database, image.account.id, image.batch_id).images
    assert (ended.alt_text is not None, ended.notices) == (True, ())
    balance = credits.balance(unit.database, image.account.id)
    assert (balance.images_used, balance.ai_used) == (1, 1)


def test_an_image_that_met_a_fault_is_sent_again_at_once(unit: Services) -> None:
    image = waiting(unit)
    unit.dispatch()
    unit.redis.flushdb()
    with failing(unit, "connection lost", at=2) as broken:
        steps.optimise(broken, image.image_id)
    assert sweep.republish(unit) == 1


def test_an_image_that_met_a_fault_waits_as_usual_after_its_next_claim(unit: Services) -> None:
    image = waiting(unit)
    unit.dispatch()
    unit.redis.flushdb()
    with failing(unit, "connection lost", at=2) as broken:
        steps.optimise(broken, image.image_id)
    claim = images.claim(unit.database, OPTIMISE, image.image_id, 60)
    assert claim
    images.give_back(unit.database, claim)
    assert sweep.republish(unit) == 0


def test_a_claim_is_undone_once_the_database_is_back(unit: Services) -> None:
    image = waiting(unit)
    with failing(unit, "connection lost", at=2, times=4) as broken:
        steps.optimise(broken, image.image_id)
    assert attempts(unit, image) == {"state": "queued", "attempt": 0, "describe_attempt": 0}


def test_a_worker_does_not_wait_for_ever_for_the_database(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "_PATIENCE_SECONDS", 0.3)
    image = waiting(unit)
    with failing(unit, "connection lost", at=2, times=99) as broken:
        steps.optimise(broken, image.image_id)
    assert attempts(unit, image)["state"] == "processing"


@pytest.mark.full
@pytest.mark.parametrize("step", [OPTIMISE, DESCRIBE], ids=["optimise", "describe"])
def test_a_lease_that_ran_during_an_outage_counts_no_attempt(unit: Services, step: Step) -> None:
    image = waiting(unit, BOTH_TEXTS)
    if step is DESCRIBE:
        steps.optimise(unit, image.image_id)
    for _ in range(unit.settings.max_attempts + 1):
        assert images.claim(unit.database, step, image.image_id, -1)
        with failing(unit, "connection lost", at=1) as broken:
            _run_periodic_until(broken, lambda: attempts(unit, image)["state"] == step.waits_in)
    assert attempts(unit, image) == {
        "state": step.waits_in,
        "attempt": 1 if step is DESCRIBE else 0,
        "describe_attempt": 0,
    }


def _run_periodic_until(services: Services, done: Callable[[], bool]) -> None:
    stop = threading.Event()
    quick = replace(services, settings=services.settings.model_copy(update={"sweep_seconds": 0.05}))
    thread = threading.Thread(target=periodic.run, args=(quick, stop))
    thread.start()
    assert eventually(done)
    stop.set()
    thread.join()


def test_a_worker_that_dies_while_the_database_is_well_costs_an_attempt(unit: Services) -> None:
    image = waiting(unit)
    assert images.claim(unit.database, OPTIMISE, image.image_id, -1)
    _run_periodic_until(unit, lambda: attempts(unit, image)["state"] == "queued")
    assert attempts(unit, image)["attempt"] == 1


def test_closing_a_batch_during_an_outage_leaves_it_to_the_sweep(unit: Services) -> None:
    image = waiting(unit)
    claim = images.claim(unit.database, OPTIMISE, image.image_id, 60)
    assert claim
    with failing(unit, "connection lost", at=1) as broken, pytest.raises(DatabaseDownError):
        steps.close_batch(broken, image.batch_id)
    assert not sessions.is_batch_closed(unit.database, image.batch_id)
