"""An image that finds the memory of its machine taken, in its step and in a real worker."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from infra.processes import WORKER
from shared.db import upkeep, views
from shared.db.database import Row, one
from shared.db.image_states import OPTIMISE
from shared.imagetype import ImageType
from shared.models import Options
from shared.private_folder import RUN_DIR
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch
from tests.support.processes import eventually
from workers import steps
from workers.memory.admission import of_machine
from workers.steps import optimising
from workers.steps.optimising import _patience_seconds

PATIENCE_SECONDS = 60  # a worker starts in one or two, but not on a busy machine
TWO_PROCESSES = (sys.executable, "-m", *replace(WORKER, concurrency=2).arguments)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory admission of the test's own, in this process and in those that it starts."""
    monkeypatch.setenv(RUN_DIR, str(tmp_path / "run"))
    monkeypatch.setattr(optimising, "_CLOSED_PAUSE_SECONDS", 0.0)


@pytest.fixture
def hasty(unit: Services) -> Services:
    """With a megabyte for all images, and little time to wait for it."""
    changes = {"memory_mb": 1, "task_limit_seconds": 1}
    return replace(unit, settings=unit.settings.model_copy(update=changes))


def accepted(services: Services, options: Options | None = None) -> UUID:
    account, _ = make_account(services)
    (image_id,) = accept(services, make_batch(services, account, options=options))
    return image_id


def row(services: Services, image_id: UUID) -> Row:
    with services.database.transaction() as connection:
        return one(
            connection.execute(
                "SELECT *, extract(epoch FROM not_before - now())::float AS held_seconds"
                " FROM images WHERE id = %s",
                (image_id,),
            ).fetchone()
        )


def test_an_image_that_finds_no_memory_is_held_back_for_seconds(hasty: Services) -> None:
    image_id = accepted(hasty)
    with of_machine(1).admit(1_000_000):
        steps.optimise(hasty, image_id)
    image = row(hasty, image_id)
    assert (image["state"], image["memory_waits"]) == ("queued", 1)
    assert image["published_at"] is None  # so it is dispatched again
    assert 0 < image["held_seconds"] < 10
    assert image["memory_bytes"] > 1_000_000


def test_being_held_back_uses_up_no_attempt_of_however_old_an_image(hasty: Services) -> None:
    image_id = accepted(hasty)
    with hasty.database.transaction() as connection:
        connection.execute("UPDATE images SET created_at = now() - interval '1 day'")
    with of_machine(1).admit(1_000_000):
        steps.optimise(hasty, image_id)
    assert row(hasty, image_id)["attempt"] == 0


def test_an_image_that_was_held_back_often_waits_in_line(hasty: Services, tmp_path: Path) -> None:
    image_id = accepted(hasty)
    with hasty.database.transaction() as connection:
        connection.execute("UPDATE images SET memory_waits = 5")
    folder = tmp_path / "run" / "memory"
    with of_machine(1).admit(1_000_000):
        waits = threading.Thread(target=steps.optimise, args=(hasty, image_id))
        waits.start()
        in_line = eventually(lambda: len(list(folder.iterdir())) == 2)
    waits.join()
    assert in_line
    assert row(hasty, image_id)["state"] == "done"


def test_an_image_that_needs_more_than_the_machine_has_fails_and_says_so(
    hasty: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.memory.admission._machine_bytes", lambda _: 1_000_000)
    image_id = accepted(hasty)
    steps.optimise(hasty, image_id)
    assert row(hasty, image_id)["error_code"] == "too_much_work"


def test_an_image_takes_what_its_estimate_says(
    unit: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[str] = []

    def process(*_: object) -> None:
        seen.extend(path.name for path in tmp_path.rglob("*-*") if path.is_file())
        raise MemoryError

    monkeypatch.setattr("workers.steps.optimising.process", process)
    steps.optimise(unit, accepted(unit, Options(ImageType.AVIF)))
    (ticket,) = seen
    needed = int(ticket.partition("-")[2])
    assert 9_000_000 < needed < 25_000_000  # libaom's own, and some for all


def test_an_image_that_runs_out_of_memory_gives_its_own_back(
    unit: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def process(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("workers.steps.optimising.process", process)
    steps.optimise(unit, accepted(unit))
    assert [path for path in tmp_path.rglob("*-*") if path.is_file()] == []


def test_an_image_waits_where_no_folder_can_be_made_and_uses_up_no_attempt(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN_DIR, "/proc/no/such")
    image_id = accepted(unit)
    steps.optimise(unit, image_id)
    image = row(unit, image_id)
    assert (image["state"], image["attempt"]) == ("queued", 0)
    assert [taken["id"] for taken in upkeep.take_silent(unit.database, OPTIMISE, 60, [])] == []
    unit.dispatch()
    assert [taken["id"] for taken in upkeep.take_silent(unit.database, OPTIMISE, 60, [])] == [
        image_id
    ]


def test_the_processes_of_a_worker_share_one_memory(
    unit: Services, unit_environment: Mapping[str, str], tmp_path: Path
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png"])
    accept(unit, batch)
    unit.dispatch()
    environment = {RUN_DIR: str(tmp_path / "run"), "FLUXIMAGE_MEMORY_MB": "1"}
    environment = os.environ | dict(unit_environment) | environment
    with ExitStack() as undo:
        held = undo.enter_context(ExitStack())
        held.enter_context(of_machine(1).admit(1_000_000))
        worker = subprocess.Popen(TWO_PROCESSES, env=environment)
        undo.callback(worker.wait)
        undo.callback(worker.kill)
        image_ids = [image.id for image in batch.images]
        assert eventually(
            lambda: all(row(unit, one)["memory_waits"] for one in image_ids), PATIENCE_SECONDS
        )
        assert views.view_batch(unit.database, account.id, batch.id).images == []


@every_case("cpu_seconds, patience", [(1, 116), (20, 40), (80, 30)])
def test_waiting_leaves_time_for_the_work_itself(cpu_seconds: float, patience: float) -> None:
    assert _patience_seconds(120, cpu_seconds) == patience
