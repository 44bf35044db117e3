"""An account whose images took all the CPU that they may take in an hour is told to wait."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.db.accounts import Account
from shared.services import Services
from tests.api.conftest import in_process
from tests.support.making import make_account, png
from workers import steps

LIMIT_SECONDS = 100


@dataclass
class Spender:
    """A client whose account has used up its budget."""

    http: FlaskClient
    services: Services
    account: Account
    key: str

    def post(self, file: bytes | None = None, **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.key}", "Prefer": "respond-async"} | headers
        data: dict[str, Any] = {"file": (io.BytesIO(file), "a.png")} if file else {"quality": "9"}
        data["sessionId"] = "s"
        return self.http.post("/api/compress", headers=sent, data=data)

    def spend(self) -> None:
        with self.services.database.transaction() as connection:
            connection.execute(
                "INSERT INTO work VALUES (%s, date_trunc('hour', now(), 'UTC'), %s)"
                " ON CONFLICT (account_id, hour) DO UPDATE SET cpu_seconds = excluded.cpu_seconds",
                (self.account.id, LIMIT_SECONDS),
            )


@pytest.fixture
def spender(unit: Services) -> Iterator[Spender]:
    account, key = make_account(unit)
    settings = unit.settings.model_copy(update={"account_cpu_seconds_per_hour": LIMIT_SECONDS})
    with in_process(replace(unit, settings=settings)) as http:
        yield Spender(http, unit, account, key)


def test_a_post_past_the_budget_is_429_before_its_body_is_looked_at(spender: Spender) -> None:
    assert spender.post().status_code == 400
    spender.spend()
    answer = spender.post()
    assert (answer.status_code, (answer.json or {})["code"]) == (429, "work_limit")
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600


def test_a_repeat_gets_its_answer_though_the_budget_is_used_up(spender: Spender) -> None:
    named = {"Idempotency-Key": "k"}
    first = spender.post(png(), **named)
    spender.spend()
    again, other = spender.post(png(), **named), spender.post(png(), **{"Idempotency-Key": "l"})
    assert [answer.status_code for answer in (first, again, other)] == [202, 202, 429]
    assert (first.json or {})["batch_id"] == (again.json or {})["batch_id"]


def test_a_refused_key_may_be_used_in_the_next_hour(spender: Spender) -> None:
    spender.spend()
    assert spender.post(png(), **{"Idempotency-Key": "k"}).status_code == 429
    with spender.services.database.transaction() as connection:
        connection.execute("UPDATE work SET hour = hour - interval '1 hour'")
    assert spender.post(png(), **{"Idempotency-Key": "k"}).status_code == 202


def test_another_account_has_a_budget_of_its_own(spender: Spender, unit: Services) -> None:
    spender.spend()
    account, key = make_account(unit)
    assert replace(spender, account=account, key=key).post(png()).status_code == 202


def test_a_retry_past_the_budget_is_429(
    spender: Spender, unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def harm(*_: object) -> None:
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr("workers.steps.measuring.planned", harm)
        batch_id = (spender.post(png()).json or {})["batch_id"]
        steps.measure(unit, UUID(batch_id))
    headers = {"Authorization": f"Bearer {spender.key}"}
    spender.spend()
    refused = spender.http.post("/api/sessions/s/retry", headers=headers)
    assert (refused.status_code, (refused.json or {})["code"]) == (429, "work_limit")
    with unit.database.transaction() as connection:
        connection.execute("DELETE FROM work")
    assert spender.http.post("/api/sessions/s/retry", headers=headers).status_code == 202
