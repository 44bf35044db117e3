"""What a worker's images live through: real workers, real signals. No sweep runs here."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from infra.chaos.poison import Poison, poisoned
from infra.dev.messages_api import Answer, MessagesApi
from infra.processes import AI, WORKER, Process
from shared import supervised
from shared.clients.celery_queue import IMAGES_QUEUE
from shared.db import credits
from shared.db.accounts import Account
from shared.db.batches import NewBatch
from shared.db.database import Row, one
from shared.db.image_states import State
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch, png
from tests.support.processes import alive, eventually

PATIENCE_SECONDS = 60  # a worker starts in one or two, but not on a busy machine
HOLDING = replace(WORKER, app="tests.support.holding_worker", concurrency=1)


Start = Callable[..., "subprocess.Popen[bytes]"]


class Worker:
    """A worker that leads a process group, with one image at a time, which it holds."""

    def __init__(self, folder: Path, start: Start) -> None:
        self._folder = folder
        self.process = start(HOLDING, HOLDING_FOLDER=str(folder))

    def holder(self, former: frozenset[int] = frozenset()) -> int:
        """The process that holds an image, other than the former ones."""

        def found() -> set[int]:
            return {int(path.name) for path in self._folder.glob("[0-9]*")} - former

        assert eventually(found, PATIENCE_SECONDS)
        return found().pop()

    def let_go(self) -> None:
        (self._folder / "go").touch()


@pytest.fixture
def start(unit_environment: Mapping[str, str]) -> Iterator[Start]:
    """Starts a process of the service as the leader of a group; it is gone at the end."""
    with ExitStack() as undo:

        def start(process: Process, **environment: str) -> "subprocess.Popen[bytes]":
            started = subprocess.Popen(
                (sys.executable, "-m", *process.arguments),
                env=os.environ | dict(unit_environment) | environment,
                start_new_session=True,
            )
            undo.callback(started.wait)
            undo.callback(started.kill)
            return started

        yield start


@pytest.fixture
def worker(start: Start, tmp_path: Path) -> Worker:
    return Worker(tmp_path, start)


@pytest.fixture
def account(unit: Services) -> Account:
    return make_account(unit)[0]


@pytest.fixture
def batch(unit: Services, account: Account) -> NewBatch:
    """One image, sent to the workers."""
    batch = make_batch(unit, account, data=png())
    accept(unit, batch)
    unit.dispatch()
    return batch


def row(unit: Services, image_id: UUID) -> Row:
    statement = "SELECT state, attempt, error_code FROM images WHERE id = %s"
    with unit.database.transaction() as connection:
        return one(connection.execute(statement, (image_id,)).fetchone())


def spent(unit: Services, account: Account) -> float:
    """CPU seconds that the account's images took."""
    statement = "SELECT coalesce(sum(cpu_seconds), 0) AS spent FROM work WHERE account_id = %s"
    with unit.database.transaction() as connection:
        return float(one(connection.execute(statement, (account.id,)).fetchone())["spent"])


def ends(unit: Services, image_id: UUID, state: State) -> bool:
    return eventually(lambda: row(unit, image_id)["state"] == state, PATIENCE_SECONDS)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.full)]
)
def test_a_signal_to_the_whole_group_lets_the_image_in_work_end(
    unit: Services, worker: Worker, batch: NewBatch, number: signal.Signals
) -> None:
    worker.holder()
    os.killpg(worker.process.pid, number)
    worker.let_go()
    assert worker.process.wait(PATIENCE_SECONDS) in (0, 1)  # 1: Celery's answer to SIGINT
    found = row(unit, batch.images[0].id)
    assert (found["state"], found["attempt"]) == (State.DONE, 1)


def test_a_killed_child_gives_its_image_to_the_next_one_at_once(
    unit: Services, worker: Worker, batch: NewBatch
) -> None:
    first = worker.holder()
    os.kill(first, signal.SIGKILL)
    worker.holder(frozenset({first}))
    worker.let_go()
    assert ends(unit, batch.images[0].id, State.DONE)
    assert row(unit, batch.images[0].id)["attempt"] == 2


@pytest.mark.full
def test_an_image_that_kills_its_process_three_times_fails_without_a_lease(
    unit: Services, worker: Worker, batch: NewBatch, account: Account
) -> None:
    former: frozenset[int] = frozenset()
    for _ in range(unit.settings.max_attempts):
        pid = worker.holder(former)
        os.kill(pid, signal.SIGKILL)
        former |= {pid}
    assert ends(unit, batch.images[0].id, State.FAILED)
    assert credits.balance(unit.database, account.id).images_used == 0


@pytest.mark.full
def test_an_image_that_had_no_core_until_the_task_limit_is_tried_again_at_once(
    unit: Services, start: Start, batch: NewBatch, tmp_path: Path
) -> None:
    limits = {"FLUXIMAGE_TASK_LIMIT_SECONDS": "1"}
    worker = Worker(tmp_path, partial(start, **limits))
    worker.holder(frozenset({worker.holder()}))
    worker.let_go()
    assert ends(unit, batch.images[0].id, State.DONE)


@pytest.mark.full
def test_an_image_that_worked_until_the_task_limit_is_not_tried_again(
    unit: Services, start: Start, account: Account
) -> None:
    batch = make_batch(unit, account, data=poisoned(png(), Poison.ENDLESS_LOOP))
    (image_id,) = accept(unit, batch)
    unit.dispatch()
    start(replace(HOLDING, app="infra.chaos.worker"), FLUXIMAGE_TASK_LIMIT_SECONDS="15")
    assert ends(unit, image_id, State.FAILED)
    found = row(unit, image_id)
    assert (found["error_code"], found["attempt"]) == ("too_much_work", 1)
    assert credits.balance(unit.database, account.id).images_used == 0
    assert spent(unit, account) > 0


@pytest.mark.parametrize("whole_group", [True, pytest.param(False, marks=pytest.mark.full)])
def test_sigquit_ends_a_worker_now_and_its_image_waits_for_another(
    unit: Services, worker: Worker, batch: NewBatch, *, whole_group: bool
) -> None:
    worker.holder()
    (os.killpg if whole_group else os.kill)(worker.process.pid, signal.SIGQUIT)
    worker.process.wait(PATIENCE_SECONDS)
    found = row(unit, batch.images[0].id)
    assert (found["state"], found["attempt"]) == (State.QUEUED, 0)
    assert unit.redis.llen(IMAGES_QUEUE) == 1


@pytest.mark.full
def test_a_killed_worker_leaves_no_process_and_the_next_in_its_place_ends_its_claims(
    unit: Services, start: Start, batch: NewBatch, tmp_path: Path
) -> None:
    start = partial(start, **{supervised.SLOT: "ours/worker"})
    first = Worker(tmp_path, start)
    pid = first.holder()
    first.process.kill()
    assert eventually(lambda: not alive({pid}), PATIENCE_SECONDS)
    second = Worker(tmp_path, start)
    second.holder(frozenset({pid}))
    second.let_go()
    assert ends(unit, batch.images[0].id, State.DONE)
    assert row(unit, batch.images[0].id)["attempt"] == 2


@pytest.mark.full
def test_a_signal_to_the_group_lets_a_description_in_work_end(
    unit: Services, account: Account, start: Start, model: MessagesApi, tmp_path: Path
) -> None:
    worker = Worker(tmp_path, start)
    worker.let_go()
    batch = make_batch(unit, account, data=png(), options=BOTH_TEXTS)
    accept(unit, batch)
    unit.dispatch()
    model.otherwise = lambda _: Answer(delay_seconds=3)  # longer than a busy machine pauses
    process = start(replace(AI, concurrency=2), **model.environment)
    assert eventually(lambda: model.in_flight, PATIENCE_SECONDS)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert row(unit, batch.images[0].id)["state"] == State.DONE
    assert len(model.requests) == 1
