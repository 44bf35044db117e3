"""What a client sees when a server behind the API hangs at the worst moment."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from shared.db import backlog
from tests.api.conftest import Still
from tests.support.making import png
from tests.support.processes import eventually


@pytest.mark.full
def test_a_dispatcher_that_hangs_does_not_turn_an_accepted_batch_into_an_error(
    still: Still,
) -> None:
    with still.unit.database.transaction() as elsewhere:
        elsewhere.execute("SELECT pg_advisory_xact_lock(%s)", (backlog._DISPATCHER_LOCK,))
        # The API gives up on the lock after its lock_timeout, ten seconds.
        answer = still.compress([("a.png", png())], headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    still.work()
    poll = still.call("GET", answer.headers["Location"])
    assert poll.json()["status"] == "completed"


@pytest.mark.full
def test_a_client_that_waits_is_not_told_of_an_outage_that_passes(still: Still) -> None:
    def compress() -> httpx.Response:
        return still.compress([("a.png", png())], headers={"Prefer": "wait=30"})

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(compress)
        eventually(lambda: backlog.queue_state(still.unit.database).depth == 1)
        with still.unit.database.transaction() as elsewhere:
            # What the API reads while it waits ends with an error after ten seconds.
            elsewhere.execute("LOCK TABLE batches IN ACCESS EXCLUSIVE MODE")
            time.sleep(13)
        still.work()
        assert waiting.result().status_code == 200
