"""POST /api/sessions/{id}/cancel: ends what is open, and keeps every result."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any
from uuid import UUID

from shared.clients.pubsub import Listener, batch_topic, publish, session_topic
from shared.db import views
from tests.api.conftest import Still
from tests.support.client import Client, get
from tests.support.making import png

FILES = [("a.png", png()), ("b.png", png(9, 9)), ("c.png", png(7, 7))]
ASYNC = {"Prefer": "respond-async"}


def _post(client: Client) -> Any:
    return client.compress(FILES, {"sessionId": "s"}, ASYNC).json()


def _cancel(client: Client) -> Any:
    response = client.call("POST", "/api/sessions/s/cancel")
    assert response.status_code == 200, response.text
    return response.json()


def _used(client: Client) -> int:
    return int(client.call("GET", "/api/usage").json()["compressor_used"])


def test_cancel_ends_what_is_open_gives_it_back_and_keeps_what_is_done(still: Still) -> None:
    _post(still)
    still.work()
    body = _cancel(still)
    assert (body["status"], body["next_cursor"]) == ("completed", None)
    assert (body["progress"]["completed"], body["progress"]["cancelled"]) == (1, 2)
    assert [(error["index"], error["error"]) for error in body["errors"]] == [
        (1, "cancelled"),
        (2, "cancelled"),
    ]
    [image] = body["data"]
    assert get(image["url"]).status_code == 200
    assert _used(still) == 1


def test_a_cancelled_session_takes_more_batches(still: Still) -> None:
    _post(still)
    _cancel(still)
    assert _post(still)["status"] == "queued"
    page = still.call("GET", "/api/sessions/s").json()
    assert (page["status"], page["progress"]["total"]) == ("processing", 6)
    still.work(3)
    page = still.call("GET", "/api/sessions/s").json()
    assert (page["status"], len(page["data"]), _used(still)) == ("completed", 3, 3)


def test_cancelling_again_or_what_has_ended_changes_nothing(still: Still) -> None:
    _post(still)
    still.work()
    first, second = _cancel(still), _cancel(still)
    assert first["progress"] == second["progress"]
    assert first["errors"] == second["errors"]
    assert _used(still) == 1


def test_cancel_after_delete_leaves_it_deleted(still: Still) -> None:
    _post(still)
    still.call("DELETE", "/api/sessions/s")
    assert _cancel(still)["status"] == "cancelled"


def test_who_waits_for_a_cancelled_batch_gets_its_end(still: Still) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(still.compress, FILES, {"sessionId": "s"})
        while still.call("GET", "/api/sessions/s").status_code == 404:
            time.sleep(0.05)
        _cancel(still)
        response = waiting.result()
    body = response.json()
    assert (response.status_code, body["code"], body["status"]) == (422, "all_failed", "completed")
    assert [error["error"] for error in body["errors"]] == ["cancelled"] * 3


def test_cancel_notifies_who_waits_for_the_batch_or_the_session(still: Still) -> None:
    batch = batch_topic(UUID(_post(still)["batch_id"]))
    internal_id = views.view_session(
        still.unit.database, still.account.id, "s", after_number=0, limit=1
    ).session_id
    with closing(Listener(still.unit.redis)) as listener, ExitStack() as stack:
        topics = [batch, session_topic(internal_id)]
        notified = [stack.enter_context(listener.waiting(topic)) for topic in topics]
        for event in notified:
            while not event.wait(0.05):  # until the listener hears us
                publish(still.unit.redis, topics)
            event.clear()
        _cancel(still)
        assert all(event.wait(5) for event in notified)


def test_cancel_amid_the_work_charges_and_keeps_what_was_done(client: Client) -> None:
    files = [(f"{n}.png", png(900, 700)) for n in range(20)]
    client.compress(files, {"sessionId": "s", "format": "avif"}, ASYNC)
    client.call("GET", "/api/sessions/s", params={"wait": 30})
    body = _cancel(client)
    progress = body["progress"]
    assert progress["completed"] >= 1
    assert progress["cancelled"] >= 1
    assert progress["completed"] + progress["cancelled"] == 20
    assert all(get(image["url"]).status_code == 200 for image in body["data"])
    time.sleep(2)  # a worker in the middle would have committed by now
    page = client.call("GET", "/api/sessions/s").json()
    assert (page["progress"], _used(client)) == (progress, progress["completed"])
    assert client.compress(FILES, {"sessionId": "s"}).status_code == 200


def test_another_accounts_session_is_not_found(still: Still, still_stranger: Client) -> None:
    _post(still)
    response = still_stranger.call("POST", "/api/sessions/s/cancel")
    assert response.status_code == 404
    assert still.call("GET", "/api/sessions/s").json()["progress"]["cancelled"] == 0
