"""GET and DELETE /api/sessions/{id}: poll a session to its end, or delete it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

from shared.services import Services
from tests.api.conftest import Still
from tests.api.raw import gif
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png
from tests.support.processes import eventually

FILES = [("a.png", png()), ("b.png", png(9, 9)), ("c.png", png(7, 7))]
ASYNC = {"Prefer": "respond-async"}
BAD_NUMBERS = ["", "-1", "x", "1.5", "٣", "9" * 30, "1 OR 1=1", "\0"]


def _post(client: Client, session: str = "s", files: list[tuple[str, bytes]] = FILES) -> Any:
    return client.compress(files, {"sessionId": session}, ASYNC).json()


def _poll(client: Client, session: str = "s", **query: object) -> Any:
    response = client.call("GET", f"/api/sessions/{session}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_image_of_before_the_column_has_an_encoding_of_null(
    client: Client, service: Services
) -> None:
    client.compress([("a.png", png())], {"sessionId": "s"})
    with service.database.transaction() as connection:
        connection.execute(
            "UPDATE images AS i SET encoding = NULL FROM batches AS b"
            " WHERE b.id = i.batch_id AND b.account_id = %s",
            (client.account.id,),
        )
    (image,) = _poll(client)["data"]
    assert image["encoding"] is None


def _pages(client: Client, limit: int) -> list[Any]:
    """Follows the cursors of a completed session to their end."""
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while not pages or pages[-1]["next_cursor"] is not None:
        pages.append(_poll(client, limit=limit, **cursor))
        cursor = {"cursor": pages[-1]["next_cursor"]}
        assert len(pages) < 20
    return pages


def test_a_poll_has_the_documented_keys_in_the_documented_order(still: Still) -> None:
    _post(still)
    body = _poll(still)
    assert list(body) == [
        *("session_id", "status", "progress", "data", "errors", "warnings", "next_cursor"),
        "archive_url",
        "webhooks",
    ]
    assert list(body["progress"]) == [
        *("total", "queued", "processing", "completed", "failed", "cancelled"),
        *("original_bytes", "compressed_bytes"),
    ]


def test_a_session_goes_from_queued_by_processing_to_completed(still: Still) -> None:
    _post(still, files=[FILES[0], ("x.txt", b"x")])
    seen = [_poll(still)]
    for _ in range(2):
        still.work()
        seen.append(_poll(still))
    assert [page["status"] for page in seen] == ["queued", "processing", "completed"]
    assert seen[-1]["progress"] == {
        "total": 2,
        "queued": 0,
        "processing": 0,
        "completed": 1,
        "failed": 1,
        "cancelled": 0,
        "original_bytes": len(FILES[0][1]),
        "compressed_bytes": seen[-1]["data"][0]["compressed_size"],
    }
    assert [page["next_cursor"] is None for page in seen] == [False, False, True]


def test_a_session_gathers_its_batches_and_opens_again(still: Still) -> None:
    first = _post(still, files=FILES[:1])
    still.work()
    assert _poll(still)["status"] == "completed"
    second = _post(still, files=FILES[1:])
    page = _poll(still)
    assert (page["status"], page["progress"]["total"]) == ("processing", 3)
    still.work(2)
    batches = [image["batch_id"] for image in _poll(still)["data"]]
    assert batches == [first["batch_id"], second["batch_id"], second["batch_id"]]


def test_pages_of_one_miss_nothing_and_repeat_nothing(still: Still) -> None:
    _post(still, files=[*FILES, ("x.txt", b"x"), *FILES])
    still.work(7)
    pages = _pages(still, limit=1)
    assert [(len(p["data"]), len(p["errors"])) for p in pages] == [
        *[(1, 0)] * 3,
        (0, 1),
        *[(1, 0)] * 3,
    ]
    ended = [entry["index"] for page in pages for entry in page["data"] + page["errors"]]
    assert ended == list(range(7))


def test_pages_are_in_the_order_of_ending_and_a_batch_in_that_of_upload(still: Still) -> None:
    headers = ASYNC | {"Idempotency-Key": "k"}
    still.compress(FILES, {"sessionId": "s"}, headers)
    still.work(3, newest=True)
    assert [image["index"] for image in _poll(still)["data"]] == [2, 1, 0]
    batch = still.compress(FILES, {"sessionId": "s"}, headers).json()
    assert [image["index"] for image in batch["data"]] == [0, 1, 2]


def test_a_reader_that_keeps_its_cursor_gets_what_ends_later(still: Still) -> None:
    _post(still)
    still.work()
    first = _poll(still)
    nothing = _poll(still, cursor=first["next_cursor"])
    still.work(2)
    rest = _poll(still, cursor=nothing["next_cursor"])
    assert nothing["data"] == []
    assert [image["index"] for image in first["data"] + rest["data"]] == [0, 1, 2]
    assert rest["next_cursor"] is None


def test_an_error_of_a_page_names_its_batch(still: Still) -> None:
    batch = _post(still, files=[("x.txt", b"x")])
    still.work()
    [error] = _poll(still)["errors"]
    assert (error["batch_id"], error["index"]) == (batch["batch_id"], 0)


def test_urls_are_signed_afresh_at_every_poll(still: Still) -> None:
    _post(still, files=FILES[:1])
    still.work()
    urls = set()
    for _ in range(2):
        [image] = _poll(still)["data"]
        assert get(image["url"]).status_code == 200
        urls.add(image["url"])
        time.sleep(1.1)  # signatures are dated in whole seconds
    assert len(urls) == 2


def test_a_warning_of_a_page_names_its_batch_and_image(still: Still) -> None:
    files = [FILES[0], ("moving.gif", gif(frames=2))]
    batch = still.compress(files, {"sessionId": "s", "format": "jpg"}, ASYNC).json()
    still.work(2)
    warning = _poll(still)["warnings"][-1]
    assert (warning["batch_id"], warning["index"]) == (batch["batch_id"], 1)
    assert list(warning) == ["index", "code", "message", "batch_id"]


def test_wait_is_woken_by_a_notification(still: Still) -> None:
    _post(still)
    timer = threading.Timer(0.5, still.work)
    timer.start()
    started = time.monotonic()
    page = _poll(still, wait=25)
    timer.join()
    assert len(page["data"]) == 1
    assert time.monotonic() - started < 10


def test_a_notification_wakes_sooner_than_the_row_is_read_again(still: Still) -> None:
    # Without notifications a waiter reads the row every 2 seconds; three in a row stay below that.
    _post(still)
    taken = []
    for n in range(3):
        timer = threading.Timer(0.3, still.work)
        started = time.monotonic()
        timer.start()
        _poll(still, wait=25, cursor=n)
        timer.join()
        taken.append(time.monotonic() - started)
    assert min(taken) < 1.5


def test_wait_ends_when_its_seconds_are_over(still: Still) -> None:
    _post(still)
    started = time.monotonic()
    assert _poll(still, wait=1)["data"] == []
    assert 0.9 < time.monotonic() - started < 10


def test_wait_does_not_hold_what_is_there_already(still: Still) -> None:
    _post(still)
    still.work(3)
    started = time.monotonic()
    assert len(_poll(still, wait=25)["data"]) == 3
    assert _poll(still, wait=25, cursor=3)["status"] == "completed"
    assert time.monotonic() - started < 10


@every_case("name, value", product(["limit", "wait", "cursor"], BAD_NUMBERS))
def test_a_bad_query_value_is_refused_by_its_name(still: Still, name: str, value: str) -> None:
    response = still.call("GET", "/api/sessions/s", params={name: value})
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{name} must be ")


def test_limit_is_from_one_to_a_thousand(still: Still) -> None:
    _post(still)
    for value in (0, 1001):
        response = still.call("GET", "/api/sessions/s", params={"limit": value})
        assert response.json() == {
            "error": f"limit must be a whole number from 1 to 1000, not '{value}'",
            "code": "invalid_field",
        }
    for value in (1, 1000):
        assert _poll(still, limit=value)["status"] == "queued"


def test_a_cursor_past_the_end_is_an_empty_page(still: Still) -> None:
    _post(still)
    still.work(3)
    assert _poll(still, cursor=999_999)["data"] == []


@every_case("name", ["%00", "a%00b", "%FF", "..%2f..%2fetc", "%F0%9F%92%A9", "x" * 3000, "a%20b"])
def test_a_hostile_session_id_is_one_that_does_not_exist(client: Client, name: str) -> None:
    for method, more in (("GET", ""), ("DELETE", ""), ("POST", "/cancel")):
        response = client.call(method, f"/api/sessions/{name}{more}")
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


def test_delete_cancels_what_has_not_started(still: Still) -> None:
    _post(still)
    still.work()
    body = still.call("DELETE", "/api/sessions/s").json()
    assert body["status"] == "cancelled"
    assert body["progress"] == {
        "total": 3,
        "queued": 0,
        "processing": 0,
        "completed": 1,
        "failed": 0,
        "cancelled": 2,
        "original_bytes": len(FILES[0][1]),
        "compressed_bytes": 40,
    }
    assert [(error["index"], error["error"]) for error in body["errors"]] == [
        (1, "cancelled"),
        (2, "cancelled"),
    ]
    assert body["next_cursor"] is None


def test_delete_gives_back_what_was_not_spent(still: Still) -> None:
    _post(still)
    still.work()
    still.call("DELETE", "/api/sessions/s")
    assert still.call("GET", "/api/usage").json()["compressor_used"] == 1


def test_delete_ends_the_urls(client: Client) -> None:
    [image] = client.compress(FILES[:1], {"sessionId": "s"}).json()["data"]
    assert get(image["url"]).status_code == 200
    assert client.call("DELETE", "/api/sessions/s").status_code == 200
    assert get(image["url"]).status_code == 404
    page = _poll(client)
    assert (page["status"], page["data"]) == ("cancelled", [])


def test_delete_leaves_nothing_in_the_store(client: Client, service: Services) -> None:
    batch = client.compress(FILES[:1], {"sessionId": "s"}).json()["batch_id"]
    client.call("DELETE", "/api/sessions/s")
    # The originals are the sweeper's: it passes every second here.
    assert eventually(lambda: service.store.last_modified(f"{batch}/") is None)


def test_delete_amid_the_work_leaves_nothing_and_charges_what_was_done(
    client: Client, service: Services
) -> None:
    files = [(f"{n}.png", png(900, 700)) for n in range(20)]
    batch = client.compress(files, {"sessionId": "s", "format": "avif"}, ASYNC).json()
    _poll(client, wait=30)
    progress = client.call("DELETE", "/api/sessions/s").json()["progress"]
    assert progress["completed"] >= 1
    assert progress["cancelled"] >= 1
    assert progress["completed"] + progress["cancelled"] == 20
    assert eventually(lambda: service.store.last_modified(f"{batch['batch_id']}/") is None)
    assert client.call("GET", "/api/usage").json()["compressor_used"] == progress["completed"]
    assert _poll(client)["progress"] == progress


def test_delete_twice_is_the_same(still: Still) -> None:
    _post(still)
    first, second = (still.call("DELETE", "/api/sessions/s") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert still.call("GET", "/api/usage").json()["compressor_used"] == 0


def test_a_post_to_a_cancelled_session_conflicts_and_costs_nothing(still: Still) -> None:
    _post(still)
    still.call("DELETE", "/api/sessions/s")
    response = still.compress(FILES, {"sessionId": "s"}, ASYNC)
    assert response.status_code == 409
    assert response.json() == {
        "error": "Session s was cancelled; send this batch under another sessionId",
        "code": "conflict",
    }
    assert still.call("GET", "/api/usage").json()["compressor_used"] == 0


def test_delete_wakes_who_waits_for_the_batch(still: Still) -> None:
    with ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        waiting = pool.submit(still.compress, FILES, {"sessionId": "s"})
        while still.call("GET", "/api/sessions/s").status_code == 404:
            time.sleep(0.05)
        still.call("DELETE", "/api/sessions/s")
        response = waiting.result()
    body = response.json()
    assert (response.status_code, body["status"]) == (422, "cancelled")
    assert [error["error"] for error in body["errors"]] == ["cancelled"] * 3
    assert time.monotonic() - started < 15


def test_delete_wakes_who_waits_for_the_session(still: Still) -> None:
    _post(still)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_poll, still, wait=25)
        time.sleep(0.3)
        started = time.monotonic()
        still.call("DELETE", "/api/sessions/s")
        assert waiting.result()["status"] == "cancelled"
    assert time.monotonic() - started < 10
