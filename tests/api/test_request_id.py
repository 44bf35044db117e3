"""X-Request-Id: accepted, sent back, and on every log line of its request."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.api.conftest import ApiProcess, Still
from tests.api.raw import exchange, head
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png
from tests.support.processes import eventually

NEW = re.compile("[0-9a-f]{32}")


def _lines(process: ApiProcess, id_: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        return [json.loads(line) for line in process.log.read_text().splitlines() if id_ in line]

    eventually(lambda: bool(found()), seconds=5)
    return found()


@every_case("sent", ["x", "!" * 64, "4bf92f3577b34da6a3ce929d0e0e4736", 'a"b\\c'])
def test_an_id_of_visible_characters_comes_back(still: Still, sent: str) -> None:
    assert still.call("GET", "/api/usage", {"X-Request-Id": sent}).headers["X-Request-Id"] == sent


@every_case("sent", ["", "x" * 65, "a b", "é", "a\tb"])
def test_any_other_id_is_replaced(still: Still, sent: str) -> None:
    line = head(still.key, f"X-Request-Id: {sent}", method="GET", path="/api/usage")
    assert NEW.fullmatch(exchange(still.url, [line]).headers["X-Request-Id"])


def test_every_answer_has_an_id_of_its_own(service_url: str) -> None:
    paths = ("/api/usage", "/api/nothing", "/health/live", "/metrics")
    ids = [get(service_url + path).headers["X-Request-Id"] for path in paths]
    assert len(set(ids)) == len(paths)
    assert all(NEW.fullmatch(id_) for id_ in ids)


def test_a_requests_line_has_its_id_batch_and_session(still: Still) -> None:
    id_, headers = str(uuid4()), {"Prefer": "respond-async", "Idempotency-Key": "k"}
    sent = headers | {"X-Request-Id": id_}
    bodies = [still.compress([("a.png", png())], {"sessionId": "s"}, sent).json() for _ in range(2)]
    still.call("GET", "/api/sessions/s", {"X-Request-Id": id_})
    assert eventually(lambda: len(_lines(still.process, id_)) == 3, seconds=5)
    for line, batch in zip(_lines(still.process, id_), [*bodies, {}], strict=True):
        assert (line["request_id"], line["session"]) == (id_, "s")
        assert line.get("batch") == batch.get("batch_id")
        assert line["account"] == still.account.id


def test_a_warning_on_the_way_has_them_too(broken_process: ApiProcess, still: Still) -> None:
    client = Client(broken_process.url, still.key, still.account)
    id_ = str(uuid4())
    headers = {"X-Request-Id": id_}
    assert client.compress([("a.png", png())], {"sessionId": "s"}, headers).status_code == 503
    _, *lines = _lines(broken_process, id_)  # the first: Redis failed, before the body was read
    assert any(line["message"].startswith("the object store failed") for line in lines)
    assert {line["session"] for line in lines} == {"s"}
    assert len({line["batch"] for line in lines}) == 1


def test_requests_at_once_keep_their_ids_apart(still: Still) -> None:
    run = uuid4().hex

    def call(number: int) -> None:
        id_ = f"{run}-{number}"
        response = still.call("GET", f"/api/sessions/n{id_}", {"X-Request-Id": id_})
        assert response.headers["X-Request-Id"] == id_

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(24)))
    assert eventually(lambda: len(_lines(still.process, run)) == 24, seconds=5)
    for line in _lines(still.process, run):
        assert line["session"] == f"n{line['request_id']}"


def _gone(key: str, id_: str) -> bytes:
    return head(key, f"X-Request-Id: {id_}", method="GET", path="/api/sessions/gone")


def test_the_next_request_on_a_connection_has_nothing_of_the_one_before(still: Still) -> None:
    first, second = f"1-{uuid4()}", f"2-{uuid4()}"
    address = urlsplit(still.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(
            _gone(still.key, first)
            + head("none", f"X-Request-Id: {second}", method="GET", path="/api/usage")
            + _gone(still.key, uuid4().hex)
            + f"NONSENSE{first}\r\n\r\n".encode()
        )
        while connection.recv(65536):
            pass
    assert eventually(lambda: len(_lines(still.process, first)) == 2, seconds=5)
    [mine, invalid], [next_] = (_lines(still.process, id_) for id_ in (first, second))
    assert (mine["session"], mine["account"]) == ("gone", still.account.id)
    assert next_["account"] is None
    assert NEW.fullmatch(invalid["request_id"])
    assert not {"session", "account"} & invalid.keys()
    assert "session" not in next_
