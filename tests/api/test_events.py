"""GET /api/sessions/{id}/events: each image once, in order, and the end."""

import os
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.db import accounts
from shared.services import Services
from tests.api.conftest import Start, Still
from tests.api.listening import listening
from tests.api.raw import gif
from tests.support.client import Client
from tests.support.making import make_account, png
from tests.support.processes import eventually

FILES = [("a.png", png()), ("b.png", png()), ("notes.txt", b"text")]
LATER = {"Prefer": "respond-async"}


def test_a_stream_has_each_image_as_it_ends_and_then_the_session(still: Still) -> None:
    still.compress(FILES, {"sessionId": "s"}, LATER)
    with listening(still, "s") as stream:
        assert stream.response.status == 200
        assert stream.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        assert stream.response.headers["Cache-Control"] == "no-store"
        still.work()
        first = stream.next()
        assert stream.lines[0] == "retry: 2000"
        assert (first.name, first.id, first.data["original_name"]) == ("image", 1, "a.png")
        still.work(2)
        second, failed, end = stream.next(), stream.next(), stream.next()
        assert list(stream) == []
        assert stream.complete
    page = still.call("GET", "/api/sessions/s").json()
    own = ("url", "expires_at")
    assert {k: v for k, v in second.data.items() if k not in own} == {
        k: v for k, v in page["data"][1].items() if k not in own
    } | {"warnings": []}
    assert failed.data == page["errors"][0] | {"warnings": []}
    assert (end.name, end.id) == ("session", 3)
    assert end.data == {k: page[k] for k in ("session_id", "status", "progress")}


def test_an_events_warnings_are_the_images_own(client: Client) -> None:
    client.compress([("a.png", png()), ("b.gif", gif(2))], {"sessionId": "s", "format": "png"})
    page = client.call("GET", "/api/sessions/s").json()
    with listening(client, "s") as stream:
        warnings = [w for event in stream for w in event.data.get("warnings", ())]
    assert warnings == page["warnings"] != []


@pytest.mark.parametrize("header", [True, False])
def test_a_stream_resumes_after_the_last_event_without_a_repeat(
    still: Still, *, header: bool
) -> None:
    still.compress(FILES, {"sessionId": "s"}, LATER)
    still.work(2)
    with listening(still, "s") as stream:
        last = stream.next().id
    still.work()
    how = [f"Last-Event-ID: {last}"] if header else []
    with listening(still, "s", *how, query="?cursor=0" if header else f"?cursor={last}") as stream:
        assert stream.ids() == [2, 3]
    with listening(still, "s", "Last-Event-ID: 3") as stream:
        assert stream.response.status == 204
        assert stream.response.headers["Content-Type"] is None
    with listening(still, "s") as stream:  # not resumed: all of it
        assert stream.ids() == [1, 2, 3]


@pytest.mark.parametrize("sent", ["x", "-1", "1.5", "9" * 19, "１"])
def test_a_last_event_id_that_is_no_number_is_refused(still: Still, sent: str) -> None:
    headers = {b"Last-Event-ID": sent.encode()}
    answer = still.call("GET", "/api/sessions/s/events", headers)  # type: ignore[arg-type] # bytes
    assert answer.status_code == 400
    assert "Last-Event-ID" in answer.json()["error"]


def test_head_says_what_get_would_and_takes_no_place(still: Still) -> None:
    still.compress(FILES[:1], {"sessionId": "s"}, LATER)
    answer = still.call("HEAD", "/api/sessions/s/events")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_a_session_that_is_deleted_ends_its_streams(still: Still) -> None:
    still.compress(FILES, {"sessionId": "s"}, LATER)
    with listening(still, "s") as stream:
        still.call("DELETE", "/api/sessions/s")
        events = list(stream)
    assert [event.data.get("error") for event in events] == ["cancelled"] * 3 + [None]
    assert events[-1].data["status"] == "cancelled"


@pytest.mark.parametrize("by", ["client", "operator"])
def test_a_stream_ends_within_seconds_when_its_key_is_rolled(still: Still, by: str) -> None:
    still.compress(FILES, {"sessionId": "s"}, LATER)
    with listening(still, "s") as stream:
        if by == "client":
            still.call("POST", "/api/keys/roll")
        else:
            accounts.roll_key_of(still.unit.database, still.account.name)
        assert list(stream) == []
        assert stream.complete


def test_a_stream_ends_when_its_process_does(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    account, key = make_account(unit)
    with start_api(unit_environment) as process:
        client = Client(process.url, key, account)
        client.compress(FILES, {"sessionId": "s"}, LATER)
        with listening(client, "s", seconds=10) as stream:
            os.kill(process.pid, signal.SIGTERM)
            assert list(stream) == []
            assert stream.complete


@pytest.mark.full  # it takes 15 seconds
def test_a_comment_comes_while_nothing_ends(still: Still) -> None:
    still.compress(FILES, {"sessionId": "s"}, LATER)
    with listening(still, "s", seconds=25) as stream:
        lines = [stream.response.readline() for _ in range(3)]
    assert lines == [b"retry: 2000\n", b"\n", b":\n"]


def test_an_account_has_its_part_of_the_places_and_a_process_its_own(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    few = {"FLUXIMAGE_MAX_LISTENERS": "3", "FLUXIMAGE_ACCOUNT_LISTENERS": "2"}
    with start_api(dict(unit_environment) | few) as process:
        one, other, third = (
            Client(process.url, key, account)
            for account, key in (make_account(unit), make_account(unit), make_account(unit))
        )
        for client in (one, other, third):
            client.compress(FILES, {"sessionId": "s"}, LATER)

        def refused(client: Client) -> tuple[int, str]:
            with listening(client, "s") as stream:
                return stream.response.status, stream.response.headers["Retry-After"]

        with listening(one, "s"), listening(one, "s"):
            assert refused(one) == (429, "10")
            with listening(other, "s"):
                assert refused(third) == (503, "10")
        # All of them hung up.
        assert eventually(lambda: refused(one)[0] == 200)


def test_listeners_of_one_session_each_get_every_image_once(still: Still) -> None:
    still.compress([(f"{n}.png", png()) for n in range(12)], {"sessionId": "s"}, LATER)
    with ThreadPoolExecutor(8) as pool:

        def listen(number: int) -> list[int]:
            time.sleep(number * 0.1)
            with listening(still, "s") as stream:
                return stream.ids()

        heard = [pool.submit(listen, number) for number in range(8)]
        for _ in range(12):
            still.work()
            time.sleep(0.05)
        assert [future.result() for future in heard] == [list(range(1, 13))] * 8
