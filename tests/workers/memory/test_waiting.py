"""An image that finds the memory of its machine taken, in its step and in a real worker."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from infra.processes import WORKER
from shared.clients.celery_queue import IMAGES_QUEUE
from shared.db import sessions, views
from shared.imagetype import ImageType
from shared.models import Options
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch
from tests.support.processes import eventually
from workers import steps
from workers.memory.admission import of_machine
from workers.steps.optimising import _patience_seconds

PATIENCE_SECONDS = 60  # a worker starts in one or two, but not on a busy machine
TWO_PROCESSES = (sys.executable, "-m", *replace(WORKER, concurrency=2).arguments)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory admission of the test's own, in this process and in those that it starts."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def hasty(unit: Services) -> Services:
    """With a megabyte for all images, and little time to wait for it."""
    changes = {"memory_mb": 1, "task_limit_seconds": 1}
    return replace(unit, settings=unit.settings.model_copy(update=changes))


def accepted(services: Services, options: Options | None = None) -> UUID:
    account, _ = make_account(services)
    (image_id,) = accept(services, make_batch(services, account, options=options))
    return image_id


def row(services: Services, image_id: UUID) -> tuple[str, int]:
    """State and attempts."""
    with services.database.transaction() as connection:
        found = connection.execute("SELECT * FROM images WHERE id = %s", (image_id,)).fetchone()
    assert found
    return found["state"], found["attempt"]


def test_an_image_goes_back_to_the_queue_when_the_memory_stays_taken(hasty: Services) -> None:
    image_id = accepted(hasty)
    with of_machine(1).admit(1_000_000, 0):
        steps.optimise(hasty, image_id)
    assert row(hasty, image_id)[0] == "queued"
    assert hasty.redis.llen(IMAGES_QUEUE) == 1


def test_waiting_uses_up_no_attempt_of_however_old_an_image(hasty: Services) -> None:
    image_id = accepted(hasty)
    with hasty.database.transaction() as connection:
        connection.execute("UPDATE images SET created_at = now() - interval '1 day'")
    with of_machine(1).admit(1_000_000, 0):
        steps.optimise(hasty, image_id)
    assert row(hasty, image_id) == ("queued", 0)


def test_an_image_that_is_sent_again_is_still_described(hasty: Services) -> None:
    image_id = accepted(hasty, BOTH_TEXTS)
    with of_machine(1).admit(1_000_000, 0):
        steps.optimise(hasty, image_id)
    (message,) = hasty.redis.lrange(IMAGES_QUEUE, 0, -1)
    body = b64decode(json.loads(message)["body"])
    assert b"fluximage.describe" in body


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
    assert 9_000_000 < needed < 12_000_000  # libaom's own 9 MB, and one for all


def test_an_image_that_runs_out_of_memory_gives_its_own_back(
    unit: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def process(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("workers.steps.optimising.process", process)
    steps.optimise(unit, accepted(unit))
    assert [path for path in tmp_path.rglob("*-*") if path.is_file()] == []


def test_an_image_waits_its_turn_where_no_folder_can_be_made(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/no/such")
    image_id = accepted(unit)
    steps.optimise(unit, image_id)
    assert row(unit, image_id) == ("queued", 0)


def test_the_processes_of_a_worker_wait_for_one_memory(
    unit: Services, unit_environment: Mapping[str, str], tmp_path: Path
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, ["a.png", "b.png"])
    accept(unit, batch)
    unit.dispatch()
    environment = os.environ | dict(unit_environment) | {"FLUXIMAGE_MEMORY_MB": "1"}
    with ExitStack() as undo:
        held = undo.enter_context(ExitStack())
        held.enter_context(of_machine(1).admit(1_000_000, 0))
        worker = subprocess.Popen(TWO_PROCESSES, env=environment)
        undo.callback(worker.wait)
        undo.callback(worker.kill)
        folder = next(tmp_path.glob("fluximage-memory-*"))
        assert eventually(lambda: len(list(folder.iterdir())) == 3, PATIENCE_SECONDS)
        assert views.view_batch(unit.database, account.id, batch.id).images == []
        held.close()
        closed = eventually(
            lambda: sessions.is_batch_closed(unit.database, batch.id), PATIENCE_SECONDS
        )
        worker.terminate()
        worker.wait(PATIENCE_SECONDS)
        assert closed


@every_case("cpu_seconds, patience", [(1, 116), (20, 40), (80, 30)])
def test_waiting_leaves_time_for_the_work_itself(cpu_seconds: float, patience: float) -> None:
    assert _patience_seconds(120, cpu_seconds) == patience
