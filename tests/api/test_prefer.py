"""Prefer: how long a client waits for its batch, and what it gets when that is over."""

import time

import httpx

from tests.api.conftest import Still
from tests.api.raw import end, file_part, post
from tests.support.cases import every_case
from tests.support.client import Client, request
from tests.support.making import png

FILES = [("a.png", png())]


def _post(client: Client, *prefer: str) -> httpx.Response:
    headers = [("Authorization", f"Bearer {client.key}"), *(("Prefer", p) for p in prefer)]
    return request(
        "POST",
        f"{client.url}/api/compress",
        headers=headers,
        files=[("file", FILES[0])],
        timeout=60,
    )


def test_respond_async_answers_202_at_once(still: Still) -> None:
    started = time.monotonic()
    response = _post(still, "respond-async")
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    assert time.monotonic() - started < 5


def test_a_202_says_where_and_when_to_ask_and_how_far_it_is(still: Still) -> None:
    response = still.compress(FILES * 3, {"sessionId": "s:1"}, {"Prefer": "respond-async"})
    body = response.json()
    assert response.headers["Location"] == "/api/sessions/s:1"
    assert response.headers["Retry-After"] == "1"
    assert list(body) == [
        *("session_id", "batch_id", "status", "progress", "data", "errors", "warnings")
    ]
    assert (body["status"], body["data"], body["errors"]) == ("queued", [], [])
    assert body["progress"] == {
        "total": 3,
        "queued": 3,
        "processing": 0,
        "completed": 0,
        "failed": 0,
        "cancelled": 0,
        "original_bytes": 0,
        "compressed_bytes": 0,
    }


def test_the_location_of_a_202_is_the_session(still: Still) -> None:
    response = _post(still, "respond-async")
    poll = still.call("GET", response.headers["Location"])
    assert poll.json()["session_id"] == response.json()["session_id"]


def test_a_batch_that_is_half_done_is_processing_and_shows_what_it_has(still: Still) -> None:
    headers = {"Prefer": "respond-async", "Idempotency-Key": "k"}
    still.compress(FILES * 2, headers=headers)
    still.work(1)
    response = still.compress(FILES * 2, headers=headers)
    body = response.json()
    assert (response.status_code, body["status"]) == (202, "processing")
    assert [image["index"] for image in body["data"]] == [0]
    assert (body["progress"]["completed"], body["progress"]["queued"]) == (1, 1)


def test_wait_bounds_the_wait(still: Still) -> None:
    started = time.monotonic()
    response = _post(still, "wait=1")
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "wait=1"
    assert 0.9 < time.monotonic() - started < 10


def test_wait_ends_when_the_batch_is_done(client: Client) -> None:
    response = _post(client, "wait=60")
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=60"


def test_no_preference_waits_until_the_batch_is_done(client: Client) -> None:
    response = client.compress(FILES)
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


@every_case(
    "prefer",
    [("respond-async, wait=1",), ("wait=1, respond-async",), ("respond-async", "wait=1")],
)
def test_both_wait_that_long_and_then_answer_202(still: Still, prefer: tuple[str, ...]) -> None:
    started = time.monotonic()
    response = _post(still, *prefer)
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async, wait=1"
    assert time.monotonic() - started > 0.9


def test_wait_is_bounded_by_the_operators_limit(still: Still) -> None:
    response = _post(still, "respond-async, wait=0, wait=7")
    assert response.headers["Preference-Applied"] == "respond-async, wait=0"
    headers = {"Prefer": "wait=99999999999999999999", "Idempotency-Key": "k"}
    still.compress(FILES, headers={"Prefer": "respond-async", "Idempotency-Key": "k"})
    still.work(2)
    assert still.compress(FILES, headers=headers).headers["Preference-Applied"] == "wait=30"


@every_case(
    "garbage",
    ["", ",,;=", "wait", "wait=", "wait=-1", "wait=1.5", "wait=soon", "handling=lenient"],
)
def test_what_cannot_be_read_is_ignored(client: Client, garbage: str) -> None:
    response = client.compress(FILES, headers={"Prefer": garbage})
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


def test_digits_of_another_script_are_ignored(still: Still) -> None:
    body = file_part("a.png", png()) + end()
    answer = post(still.url, still.key, body, "Prefer: respond-async, wait=٣")
    assert answer.headers["Preference-Applied"] == "respond-async"


@every_case(
    "prefer, applied",
    [
        ("RESPOND-ASYNC", "respond-async"),
        ('respond-async;foo="bar", x', "respond-async"),
        ("foo, Wait=0", "wait=0"),
        ('wait="0"', "wait=0"),
        ("wait = 0", "wait=0"),
    ],
)
def test_a_preference_is_read_as_its_standard_writes_it(
    still: Still, prefer: str, applied: str
) -> None:
    response = _post(still, prefer)
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == applied
