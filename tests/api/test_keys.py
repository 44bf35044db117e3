"""Keys: who may call, and POST /api/keys/roll."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx

from shared.db import accounts
from shared.services import Services
from tests.api.calls import CALLS, OPEN, Call
from tests.api.raw import exchange, head
from tests.support.cases import every_case
from tests.support.client import Client, get, request
from tests.support.making import png

UNKNOWN = f"flx_live_{'0' * 40}"


def _fingerprint(response: httpx.Response) -> tuple[object, ...]:
    own = ("date", "x-request-id")
    headers = {k: v for k, v in response.headers.items() if k.lower() not in own}
    return response.status_code, response.content, headers


def test_missing_malformed_unknown_and_revoked_keys_get_the_same_answer(client: Client) -> None:
    old = client.key
    client.key = client.call("POST", "/api/keys/roll").json()["api_key"]
    headers: list[dict[str, str]] = [
        {},
        *(
            {"Authorization": value}
            for value in (
                "",
                "Bearer",
                "Bearer nonsense",
                f"Basic {client.key}",
                client.key,
                f"Bearer {client.key.upper()}",
                f"Bearer {client.key}0",
                f"Bearer {client.key}, Bearer {client.key}",
                f"Bearer {UNKNOWN}",
                f"Bearer {old}",
            )
        ),
    ]
    answers = [get(f"{client.url}/api/usage", headers=sent) for sent in headers]
    assert answers[0].status_code == 401
    assert answers[0].json() == {"error": "Unauthorized", "code": "unauthorized"}
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert all(_fingerprint(answer) == _fingerprint(answers[0]) for answer in answers)


@every_case("call", [call for call in CALLS if str(call) not in OPEN])
def test_every_call_but_the_operators_needs_a_key(service_url: str, call: Call) -> None:
    response = request(call.method, service_url + call.path)
    assert (response.status_code, response.json()) == (
        401,
        {"error": "Unauthorized", "code": "unauthorized"},
    )
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_is_read_without_regard_to_case(client: Client) -> None:
    assert client.call("GET", "/api/usage", {"Authorization": f"bEARER {client.key}"}).is_success


def test_no_body_is_read_for_a_stranger(service_url: str) -> None:
    # Announced and never sent: whoever waited for it would run into this test's patience.
    sent = [head(UNKNOWN, "Content-Type: multipart/form-data; boundary=b", "Content-Length: 9999")]
    assert exchange(service_url, sent, seconds=5).status == 401


def test_a_stranger_who_sends_a_large_body_can_read_the_answer(service_url: str) -> None:
    response = request(
        "POST",
        f"{service_url}/api/compress",
        headers={"Authorization": f"Bearer {UNKNOWN}"},
        files=[("file", ("a.jpg", bytes(20 * 1024 * 1024)))] * 3,
        timeout=60,
    )
    assert response.status_code == 401


def test_a_roll_answers_a_new_key_that_works(client: Client) -> None:
    response = client.call("POST", "/api/keys/roll")
    body = response.json()
    assert response.status_code == 200
    assert list(body) == ["api_key"]
    assert re.fullmatch(r"flx_live_[0-9a-f]{40}", body["api_key"])
    assert body["api_key"] != client.key
    client.key = body["api_key"]
    assert client.call("GET", "/api/usage").status_code == 200


def test_the_old_key_is_dead_for_the_very_next_request_of_every_process(client: Client) -> None:
    old = client.key
    client.call("POST", "/api/keys/roll")
    for _ in range(8):  # new connections: they reach every process
        response = client.call("GET", "/api/usage", {"Authorization": f"Bearer {old}"})
        assert response.status_code == 401


def test_of_two_rolls_at_once_one_wins(client: Client) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.call("POST", "/api/keys/roll"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    [won] = [answer for answer in answers if answer.status_code == 200]
    client.key = won.json()["api_key"]
    assert client.call("GET", "/api/usage").status_code == 200


def test_a_roll_keeps_the_account_and_its_sessions(client: Client) -> None:
    client.compress([("a.png", png())], {"sessionId": "s"})
    client.key = client.call("POST", "/api/keys/roll").json()["api_key"]
    assert client.call("GET", "/api/usage").json()["compressor_used"] == 1
    assert client.call("GET", "/api/sessions/s").status_code == 200


def test_a_new_key_is_not_for_anyones_cache(client: Client) -> None:
    assert client.call("POST", "/api/keys/roll").headers["Cache-Control"] == "no-store"


def test_a_key_the_operator_rolled_is_dead_too(client: Client, service: Services) -> None:
    accounts.roll_key_of(service.database, client.account.name)
    assert client.call("GET", "/api/usage").status_code == 401
