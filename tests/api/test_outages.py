"""What a client sees when a server behind the API hangs at the worst moment."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from shared.clients.celery_queue import IO_QUEUE, Queue, celery_app
from shared.db import backlog, credits
from shared.errors import UnavailableError
from shared.services import Services
from tests.api.conftest import Still, in_process
from tests.support.aging import age
from tests.support.making import make_account, png
from tests.support.processes import eventually
from workers import sweep


class UnpublishingQueue(Queue):
    """Meets whatever a client of the broker may raise."""

    error: Exception

    def publish_measuring(self, batch_id: UUID) -> None:  # noqa: ARG002 - the signature is Queue's
        raise self.error


@pytest.mark.parametrize(
    "error", [ValueError("an address"), KeyError("x"), UnavailableError("down")], ids=repr
)
def test_an_accepted_batch_is_answered_as_accepted_whatever_its_publishing_raises(
    unit: Services, error: Exception
) -> None:
    account, key = make_account(unit)
    queue = UnpublishingQueue(celery_app(unit.settings))
    queue.error = error
    headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async", "Idempotency-Key": "k"}
    with in_process(replace(unit, queue=queue)) as client:
        answers = [
            client.post("/api/compress", headers=headers, data={"file": (io.BytesIO(png()), "a")})
            for _ in range(2)
        ]
    first, second = (answer.json or {} for answer in answers)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert first["batch_id"] == second["batch_id"]
    assert credits.balance(unit.database, account.id).images_used == 1
    age(unit, "6 seconds")
    sweep.sweep(unit)
    assert unit.redis.llen(IO_QUEUE) == 1


@pytest.mark.full
def test_a_client_that_waits_is_not_told_of_an_outage_that_passes(still: Still) -> None:
    def compress() -> httpx.Response:
        return still.compress([("a.png", png())], headers={"Prefer": "wait=30"})

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(compress)
        eventually(lambda: backlog.queue_state(still.unit.database).images == 1)
        with still.unit.database.transaction() as elsewhere:
            # What the API reads while it waits ends with an error after ten seconds.
            elsewhere.execute("LOCK TABLE batches IN ACCESS EXCLUSIVE MODE")
            time.sleep(13)
        still.work()
        assert waiting.result().status_code == 200
