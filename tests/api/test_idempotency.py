"""Idempotency-Key: the same request twice is one batch and one charge."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx

from shared.db import idempotency
from tests.api.conftest import Still
from tests.api.raw import end, file_part, post
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png

FILES = [("a.png", png()), ("b.png", png(9, 9))]


def _post(client: Client, key: str, **more: str) -> httpx.Response:
    return client.compress(FILES, more, {"Idempotency-Key": key})


def _used(client: Client) -> int:
    return int(client.call("GET", "/api/usage").json()["compressor_used"])


def test_a_repeat_answers_the_same_batch_and_is_charged_nothing(client: Client) -> None:
    first, second = (_post(client, "k") for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["batch_id"] == second.json()["batch_id"]
    assert _used(client) == 2


def test_a_repeat_answers_the_present_state_with_urls_that_work(still: Still) -> None:
    headers = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    assert still.compress(FILES, headers=headers).status_code == 202
    still.work(2)
    again = still.compress(FILES, headers=headers)
    assert again.status_code == 200
    assert all(get(image["url"]).status_code == 200 for image in again.json()["data"])


def test_another_payload_under_a_used_key_is_refused(client: Client) -> None:
    first = _post(client, "k").json()
    for other in (
        _post(client, "k", quality="81"),
        client.compress(FILES[:1], headers={"Idempotency-Key": "k"}),
        client.compress(FILES[::-1], headers={"Idempotency-Key": "k"}),
        client.compress([("a.png", png()), ("c.png", png(9, 9))], {}, {"Idempotency-Key": "k"}),
        client.compress(FILES, {}, {"Idempotency-Key": "k"}, watermark=png(2, 2)),
    ):
        assert other.status_code == 422
        assert other.json() == {
            "error": "This Idempotency-Key was used before with other files or options;"
            " use a new key",
            "code": "idempotency_mismatch",
            "batch_id": first["batch_id"],
        }
    assert _used(client) == 2


def test_the_default_written_out_is_the_same_request(client: Client) -> None:
    first = _post(client, "k").json()
    assert _post(client, "k", quality="82", format="webp").json()["batch_id"] == first["batch_id"]


def test_two_keys_are_two_batches(client: Client) -> None:
    assert _post(client, "k").json()["batch_id"] != _post(client, "K").json()["batch_id"]


def test_keys_are_each_accounts_own(client: Client, stranger: Client) -> None:
    assert _post(client, "k").json()["batch_id"] != _post(stranger, "k").json()["batch_id"]


def test_a_refused_request_is_not_remembered(free: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    assert _post(free, "k", quality="1").status_code == 400
    assert _post(free, "k", autoAltText="true").status_code == 403
    too_many = free.compress([("a.png", png())] * 20 + FILES, headers=headers)
    assert too_many.status_code == 400
    assert _post(free, "k").status_code == 200


def test_a_batch_that_does_not_fit_the_plan_is_not_remembered(free: Client) -> None:
    assert free.compress([("a.png", png())] * 20).status_code == 200
    assert _post(free, "k").status_code == 403
    assert _post(free, "k").status_code == 403


def test_a_repeat_attaches_when_the_plan_has_nothing_left(free: Client) -> None:
    files, headers = [("a.png", png())] * 20, {"Idempotency-Key": "k"}
    first = free.compress(files, headers=headers).json()
    assert free.compress(files, headers=headers).json()["batch_id"] == first["batch_id"]


def test_a_repeat_of_a_failed_batch_is_422_again(client: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    first, second = (client.compress([("a.txt", b"a")], headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (422, 422)
    assert first.json() == second.json()


def test_while_the_first_is_being_accepted_a_second_conflicts(still: Still) -> None:
    database, account = still.unit.database, still.account.id
    held = idempotency.begin(database, account, "k", b"some other request", 3600)
    assert not isinstance(held, UUID)
    response = _post(still, "k")
    assert response.status_code == 409
    assert response.json()["code"] == "conflict"
    idempotency.forget(database, held)
    headers = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    assert still.compress(FILES, headers=headers).status_code == 202


def test_a_hundred_at_once_make_one_batch_and_one_charge(client: Client) -> None:
    key = str(uuid4())
    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(lambda _: _post(client, key), range(100)))
    assert {response.status_code for response in responses} <= {200, 409}
    batches = {r.json()["batch_id"] for r in responses if r.status_code == 200}
    assert len(batches) == 1
    assert _used(client) == 2


@every_case("key", ["x", "!" * 255, "a,b"])
def test_a_key_of_visible_characters_is_taken(client: Client, key: str) -> None:
    assert _post(client, key).status_code == 200


@every_case("key", ["", "a b", "x" * 256, "clé", "a\tb"])
def test_any_other_key_is_refused(still: Still, key: str) -> None:
    body = file_part("a.png", png()) + end()
    answer = post(still.url, still.key, body, f"Idempotency-Key: {key}")
    assert answer.status == 400
    assert "Idempotency-Key must be 1 to 255 visible" in answer.error
