"""The tasks in a real Celery worker, over real Valkey."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest

from infra.dev.messages_api import MessagesApi
from shared.clients.celery_queue import IMAGES_QUEUE
from shared.db import sessions, views
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, asking, make_account, make_batch, png
from tests.support.processes import eventually
from tests.support.thread_worker import thread_worker
from workers.ai.provider import Provider


@pytest.fixture
def model() -> Iterator[MessagesApi]:
    """A provider that describes whatever it is shown."""
    with MessagesApi() as running:
        yield running


@pytest.fixture
def worker(unit: Services, model: MessagesApi) -> Iterator[Services]:
    """One worker on all queues, in a thread of this process."""
    with (
        closing(Provider(asking(unit.settings, model), unit.redis)) as provider,
        thread_worker(unit, lambda: provider),
    ):
        yield unit


def test_a_worker_that_describes_nothing_does_not_import_the_providers_package(
    unit_environment: Mapping[str, str],
) -> None:
    looks = "import sys, workers.celery; sys.exit('anthropic' in sys.modules)"
    ended = subprocess.run(
        (sys.executable, "-c", looks), env=os.environ | dict(unit_environment), check=False
    )
    assert ended.returncode == 0


def test_a_chords_body_runs_though_some_of_its_images_fail(worker: Services) -> None:
    account, _ = make_account(worker)
    good = make_batch(worker, account, ["a.png", "b.png"], data=png())
    bad = make_batch(worker, account, ["a.png", "b.png"], data=b"just text")
    for batch in (good, bad):
        accept(worker, batch)
    worker.dispatch()
    # No sweeper runs here: only the chord's body deletes the originals.
    for batch in (good, bad):
        assert eventually(lambda b=batch: worker.store.last_modified(f"{b.id}/in/") is None)  # type: ignore[misc] # mypy cannot type it
    view = views.view_batch(worker.database, account.id, good.id)
    assert view.progress.completed == 2


def test_a_task_that_came_for_nothing_is_no_error(worker: Services) -> None:
    account, _ = make_account(worker)
    batch = make_batch(worker, account)
    (image_id,) = accept(worker, batch)
    for _ in range(3):
        worker.queue.publish_image(image_id, ai=False)
    assert eventually(lambda: sessions.is_batch_closed(worker.database, batch.id))
    assert eventually(lambda: worker.redis.llen(IMAGES_QUEUE) == 0)
    view = views.view_batch(worker.database, account.id, batch.id)
    assert view.progress.completed == 1


def test_publishing_subscribes_to_nothing(worker: Services) -> None:
    account, _ = make_account(worker)
    accept(worker, make_batch(worker, account, ["a.png"] * 20))
    before = set(worker.redis.pubsub_channels())
    worker.dispatch()
    assert set(worker.redis.pubsub_channels()) <= before


def test_a_chords_member_goes_on_to_the_model_before_its_body_runs(
    worker: Services, model: MessagesApi
) -> None:
    account, _ = make_account(worker)
    batch = make_batch(worker, account, ["a.png", "b.png"], options=BOTH_TEXTS)
    accept(worker, batch)
    worker.dispatch()
    # No sweeper runs here: only the body deletes the originals, once the batch is closed.
    assert eventually(lambda: worker.store.last_modified(f"{batch.id}/in/") is None)
    images = views.view_batch(worker.database, account.id, batch.id).images
    assert [image.alt_text for image in images] == ["A cup of coffee"] * 2
    assert len(model.requests) == 2


@pytest.mark.full
def test_a_chords_body_runs_though_an_image_never_came_to_the_model(
    worker: Services, model: MessagesApi
) -> None:
    account, _ = make_account(worker)
    batch = make_batch(worker, account, ["a.txt"], data=b"just text", options=BOTH_TEXTS)
    accept(worker, batch)
    worker.dispatch()
    assert eventually(lambda: worker.store.last_modified(f"{batch.id}/in/") is None)
    assert model.requests == []
