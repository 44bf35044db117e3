"""Webhooks as a client of the running service meets them."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded import Stack
from infra.embedded.network import free_port
from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import Still
from tests.api.test_openapi import DOCUMENT, SCHEMAS, closed, faults
from tests.support.cases import every_case
from tests.support.client import Client, get, request
from tests.support.making import make_account, png
from tests.support.paths import ROOT
from tests.support.processes import eventually
from tests.support.webhook_receiver import Receiver, receiver
from tests.support.webhooks import batch_with

FILES = [("a.png", png())]
BAD = [
    "",
    "example.com/hook",
    "ftp://example.com/hook",
    "https://example.com:22/hook",
    "https://user@example.com/hook",
    "http://10.0.0.1/hook",
    "http://169.254.169.254/latest",
    "http://[::ffff:10.0.0.1]/hook",
    "https://example.com/ho ok",
    f"https://example.com/{'a' * 2_048}",
]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def secret(client: Client) -> str:
    answer = client.call("POST", "/api/webhooks/secret")
    assert answer.status_code == 200
    made: str = answer.json()["secret"]
    return made


def test_a_client_is_called_when_its_batch_is_done(
    client: Client, secret: str, there: Receiver
) -> None:
    answer = client.compress(FILES, {"webhookUrl": there.url, "sessionId": "spring-sale"})
    event = there.wait_for(1)[0].verified(secret)
    assert event["type"] == "batch.completed"
    without_links = [
        {k: v for k, v in body["data"][0].items() if k not in ("url", "expires_at")}
        for body in (event["data"], answer.json())
    ]
    assert without_links[0] == without_links[1]
    assert event["data"].keys() == answer.json().keys()


def test_calls_are_bounded_by_host_however_it_is_written(still: Still) -> None:
    assert still.call("POST", "/api/webhooks/secret").status_code == 200
    for host in ("example.com", "EXAMPLE\u3002com.", "[2600:0::1]", "[2600::0001]"):
        fields = {"webhookUrl": f"http://{host}/hook", "sessionId": "spring-sale"}
        answer = still.compress(FILES, fields, {"Prefer": "respond-async"})
        assert answer.status_code == 202
    with still.unit.database.transaction() as connection:
        rows = connection.execute("SELECT DISTINCT origin FROM webhooks ORDER BY 1").fetchall()
    assert [row["origin"] for row in rows] == ["2600::1:80", "example.com:80"]


def test_the_snake_case_spelling_is_the_same_field(
    client: Client, secret: str, there: Receiver
) -> None:
    assert client.compress(FILES, {"webhook_url": there.url}).status_code == 200
    assert there.wait_for(1)[0].verified(secret)


def test_a_batch_of_which_every_image_failed_is_told_as_post_answers_it(
    client: Client, secret: str, there: Receiver
) -> None:
    answer = client.compress([("a.txt", b"no image")], {"webhookUrl": there.url})
    assert answer.status_code == 422
    assert there.wait_for(1)[0].verified(secret)["data"] == answer.json()


def test_a_webhook_needs_a_secret_and_is_told_how_to_get_one(client: Client) -> None:
    answer = client.compress(FILES, {"webhookUrl": "https://example.com/hook"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    assert answer.json()["error"].startswith("webhookUrl")
    assert "POST /api/webhooks/secret" in answer.json()["error"]


@every_case("url", BAD)
def test_an_address_that_cannot_be_called_is_refused_at_once(
    client: Client, secret: str, url: str
) -> None:
    assert secret
    answer = client.compress(FILES, {"webhookUrl": url})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    assert answer.json()["error"].startswith("webhookUrl")
    assert client.call("GET", "/api/usage").json()["compressor_used"] == 0


def test_a_refusal_does_not_repeat_the_query(client: Client, secret: str) -> None:
    assert secret
    answer = client.compress(FILES, {"webhookUrl": "https://example.com:22/hook?token=q-secret"})
    assert answer.status_code == 400
    assert "q-secret" not in answer.text


def test_the_field_counts_for_an_idempotency_key(
    client: Client, secret: str, there: Receiver
) -> None:
    assert secret
    key = {"Idempotency-Key": "spring-sale-1"}
    first = client.compress(FILES, {"webhookUrl": there.url}, key)
    again = client.compress(FILES, {"webhookUrl": there.url}, key)
    assert first.json()["batch_id"] == again.json()["batch_id"]
    assert client.compress(FILES, {"webhookUrl": f"{there.url}&b"}, key).status_code == 422
    assert client.compress(FILES, {}, key).status_code == 422
    there.wait_for(1)
    assert not eventually(lambda: len(there.calls) > 1, seconds=0.5)


def test_a_session_shows_what_was_not_delivered_and_nothing_once_it_is(
    client: Client, secret: str, there: Receiver
) -> None:
    assert secret
    there.answer = lambda: 503
    batch = client.compress(FILES, {"webhookUrl": there.url, "sessionId": "s"}).json()["batch_id"]

    def shown() -> list[dict[str, object]]:
        found: list[dict[str, object]] = client.call("GET", "/api/sessions/s").json()["webhooks"]
        return found

    assert eventually(lambda: shown()[0]["last_status"] == 503)
    (one,) = shown()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(one.pop("next_attempt_at")))
    assert one == {
        "batch_id": batch,
        "url": there.url.partition("?")[0],
        "status": "pending",
        "attempts": 1,
        "last_status": 503,
    }
    there.answer = lambda: 204
    assert eventually(lambda: shown() == [], seconds=30)  # the next attempt: after 5 s
    assert there.calls[0].headers["webhook-id"] == there.calls[-1].headers["webhook-id"]


def test_deleting_a_session_calls_the_receiver_of_an_open_batch_once(
    client: Client, secret: str, service: Services, there: Receiver
) -> None:
    # No message is sent for it, so it stays open.
    batch = batch_with(service, client.account, there.url, session="s")
    with service.database.transaction() as connection:
        connection.execute("UPDATE batches SET published_at = now() WHERE id = %s", (batch.id,))
    for _ in range(2):
        assert client.call("DELETE", "/api/sessions/s").status_code == 200
    event = there.wait_for(1)[0].verified(secret)
    assert (event["type"], event["data"]["batch_id"]) == ("batch.cancelled", str(batch.id))
    assert not eventually(lambda: len(there.calls) > 1, seconds=2)  # a sweep comes each second


def test_a_new_secret_is_another_one_each_time(client: Client, secret: str) -> None:
    again = client.call("POST", "/api/webhooks/secret").json()
    assert again.keys() == {"secret"}
    assert again["secret"] != secret


def test_every_plan_may_have_webhooks(service_url: str, service: Services, there: Receiver) -> None:
    account, key = make_account(service, Plan.FREE)
    client = Client(service_url, key, account)
    secret = client.call("POST", "/api/webhooks/secret").json()["secret"]
    assert client.compress(FILES, {"webhookUrl": there.url}).status_code == 200
    assert there.wait_for(1)[0].verified(secret)


def test_the_query_of_a_url_is_in_no_log_of_the_service(
    client: Client, secret: str, stack: Stack, there: Receiver
) -> None:
    assert secret
    url = f"{there.url}&password=never-logged"
    assert client.compress(FILES, {"webhookUrl": url}).status_code == 200
    assert client.compress(FILES, {"webhookUrl": f"{url} "}).status_code == 400
    there.wait_for(1)
    logs: list[Path] = list((stack.data_dir.path / "logs").iterdir())

    def text() -> str:
        return "".join(log.read_text(errors="replace") for log in logs)

    assert eventually(lambda: '"webhook"' in text())
    assert "never-logged" not in text()


def test_a_call_has_the_headers_and_fields_of_the_document_and_no_others(
    client: Client, secret: str, there: Receiver
) -> None:
    assert secret
    client.compress([*FILES, ("b.txt", b"no image")], {"webhookUrl": there.url, "unknown": "1"})
    (call,) = there.wait_for(1)
    said = DOCUMENT["webhooks"]["batch"]["post"]
    schema = said["requestBody"]["content"]["application/json"]["schema"]
    assert faults(schema, json.loads(call.body), schemas=closed(SCHEMAS)) == []
    assert {header["name"] for header in said["parameters"]} <= call.headers.keys()


def test_the_receiver_in_the_docs_takes_a_call_and_refuses_a_forged_one(
    client: Client, secret: str
) -> None:
    section = (ROOT / "docs/api.md").read_text().partition("\n## Webhooks\n")[2]
    program = section.partition("```python\n")[2].partition("```")[0]
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook"
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert running.stdout is not None
    try:
        assert eventually(lambda: _listens(port), seconds=60)
        forged = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        assert request("POST", url, headers=forged, content=b"{}").status_code == 401
        assert client.compress(FILES, {"webhookUrl": url}).status_code == 200
        name, link = running.stdout.readline().split()
        assert name == "a.webp"
        assert get(link).status_code == 200
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_calls_are_counted_for_the_operator(client: Client, secret: str, there: Receiver) -> None:
    assert secret

    def delivered() -> float:
        text = client.call("GET", "/metrics").text
        found = re.search(r'fluximage_webhook_calls_total\{result="delivered"\} (\S+)', text)
        return float(found[1]) if found else 0

    before = delivered()
    client.compress(FILES, {"webhookUrl": there.url})
    assert eventually(lambda: delivered() > before)
