"""The call of a webhook: signed, with fresh URLs, tried again, and never in the way of another."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from standardwebhooks import WebhookVerificationError

from infra.processes import CALLS
from shared.clients.celery_queue import CALLS_QUEUE
from shared.db import sessions, upkeep, views
from shared.db.accounts import Account
from shared.services import Services
from tests.support.client import get
from tests.support.making import accept, make_account, make_batch
from tests.support.processes import eventually
from tests.support.webhook_receiver import Receiver, receiver
from tests.support.webhooks import batch_with, closed_batch_with, pass_time, row, secret_of
from workers import steps, sweep

HANGING = 32
START_SECONDS = 60  # of a worker, on a busy machine


@pytest.fixture
def account(unit: Services) -> Account:
    return make_account(unit)[0]


@pytest.fixture
def secret(unit: Services, account: Account) -> str:
    return secret_of(unit, account)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@contextmanager
def calls_worker(
    environment: Mapping[str, str], **more: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """The worker as the service starts it; whatever happens, it is gone at the end."""
    process = subprocess.Popen(
        (sys.executable, "-m", *CALLS.arguments),
        env=os.environ | dict(environment) | more,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_receiver_verifies_the_batch_as_post_answers_it(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    batch = closed_batch_with(unit, account, there.url)
    steps.call_webhook(unit)
    (call,) = there.calls
    event = call.verified(secret)
    assert event["type"] == "batch.completed"
    assert event["timestamp"].endswith("Z")
    (image,) = event["data"]["data"]
    assert event["data"] == {
        "session_id": batch.session_name,
        "batch_id": str(batch.id),
        "status": "completed",
        "data": [image],
        "errors": [],
        "warnings": [],
    }
    assert get(image["url"]).status_code == 200
    assert (call.path, call.headers["content-type"]) == ("/hook?token=q-secret", "application/json")
    assert row(unit, batch.id)["status"] == "delivered"
    steps.call_webhook(unit)
    assert len(there.calls) == 1


def test_both_secrets_verify_while_the_old_one_signs_along(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    newer, stranger = secret_of(unit, account), secret_of(unit, make_account(unit)[0])
    closed_batch_with(unit, account, there.url)
    steps.call_webhook(unit)
    (call,) = there.calls
    assert call.verified(secret) == call.verified(newer)
    assert len(call.headers["webhook-signature"].split(" ")) == 2
    with pytest.raises(WebhookVerificationError):
        call.verified(stranger)


def test_a_receiver_that_comes_back_gets_the_same_id(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    assert secret
    there.answer = iter([500, 404, 204]).__next__
    batch = closed_batch_with(unit, account, there.url)
    for expected in (500, 404, 204):
        steps.call_webhook(unit)
        assert row(unit, batch.id)["last_status"] == expected
        pass_time(unit, 120)
    assert len({call.headers["webhook-id"] for call in there.calls}) == 1
    assert row(unit, batch.id)["status"] == "delivered"


def test_urls_are_signed_anew_at_each_attempt(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    there.answer = iter([500, 204]).__next__
    closed_batch_with(unit, account, there.url)
    steps.call_webhook(unit)
    pass_time(unit, 5)
    short = replace(unit, settings=unit.settings.model_copy(update={"url_seconds": 60}))
    steps.call_webhook(short)
    first, second = (call.verified(secret)["data"]["data"][0] for call in there.calls)
    assert first["url"] != second["url"]
    assert first["expires_at"] > second["expires_at"]


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_2xx_is_success(
    unit: Services, account: Account, secret: str, there: Receiver, status: int
) -> None:
    assert secret
    there.answer = lambda: status
    batch = closed_batch_with(unit, account, there.url)
    steps.call_webhook(unit)
    assert row(unit, batch.id)["status"] == "delivered"


def test_gone_ends_it(unit: Services, account: Account, secret: str, there: Receiver) -> None:
    assert secret
    there.answer = lambda: 410
    batch = closed_batch_with(unit, account, there.url)
    steps.call_webhook(unit)
    found = row(unit, batch.id)
    assert (found["status"], found["last_status"], found["attempts"]) == ("failed", 410, 1)


def test_a_redirect_is_a_failure_and_is_not_followed(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    assert secret
    with receiver() as elsewhere:
        there.answer, there.location = lambda: 307, elsewhere.url
        batch = closed_batch_with(unit, account, there.url)
        steps.call_webhook(unit)
        assert elsewhere.calls == []
    assert (row(unit, batch.id)["status"], row(unit, batch.id)["last_status"]) == ("pending", 307)


def test_an_address_that_may_not_be_called_gets_no_call(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    assert secret
    batch = closed_batch_with(unit, account, there.url)
    strict = replace(unit, policy=replace(unit.policy, networks=()))
    steps.call_webhook(strict)
    assert there.calls == []
    assert (row(unit, batch.id)["status"], row(unit, batch.id)["last_status"]) == ("pending", None)


def test_a_deleted_session_is_told_as_cancelled(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    batch = batch_with(unit, account, there.url)
    sessions.delete(unit.database, account.id, batch.session_name)
    for _ in range(2):
        steps.call_webhook(unit)
    (call,) = there.calls
    event = call.verified(secret)
    assert (event["type"], event["data"]["status"]) == ("batch.cancelled", "cancelled")
    assert [error["error"] for error in event["data"]["errors"]] == ["cancelled"]


@pytest.mark.parametrize("rows", ["there", "gone"])
def test_a_call_after_the_results_expired_says_so(
    unit: Services, account: Account, secret: str, there: Receiver, rows: str
) -> None:
    batch = closed_batch_with(unit, account, there.url)
    upkeep.note_outputs_deleted(unit.database, batch.id)
    if rows == "gone":
        upkeep.delete_batch(unit.database, batch.id)
    steps.call_webhook(unit)
    event = there.calls[0].verified(secret)
    data = event["data"]
    assert (event["type"], data["session_id"]) == ("batch.completed", batch.session_name)
    assert (data["status"], data["data"]) == ("completed", [])
    assert [warning["code"] for warning in data["warnings"]] == ["results_expired"]


def test_results_that_expired_are_told_also_where_another_image_was_made_again(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    batch = replace(make_batch(unit, account, ["a.png", "b.png"]), webhook_url=there.url)
    for image_id in accept(unit, batch):
        steps.optimise(unit, image_id)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE images SET replaced_by = gen_random_uuid() WHERE index = 0")
    upkeep.note_outputs_deleted(unit.database, batch.id)
    steps.call_webhook(unit)
    data = there.calls[0].verified(secret)["data"]
    assert [warning["code"] for warning in data["warnings"]] == ["results_expired"]


def test_a_worker_without_the_keys_makes_no_call_and_tries_again(
    unit: Services, account: Account, secret: str, there: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert secret
    batch = closed_batch_with(unit, account, there.url)
    steps.call_webhook(replace(unit, secret_keys=None))
    assert there.calls == []
    assert row(unit, batch.id)["status"] == "pending"
    assert "FLUXIMAGE_SECRET_KEYS" in caplog.text


def test_the_query_of_a_url_is_not_logged(
    unit: Services, account: Account, secret: str, there: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert secret
    caplog.set_level(logging.DEBUG)
    there.answer = iter([500, 302, 204]).__next__
    closed_batch_with(unit, account, there.url)
    for _ in range(3):
        steps.call_webhook(unit)
        pass_time(unit, 120)
    with receiver() as down:
        pass
    closed_batch_with(unit, account, down.url)
    steps.call_webhook(unit)
    logged = [json.dumps(vars(record), default=str) for record in caplog.records]
    assert sum("webhook" in line for line in logged) >= 4
    assert not [line for line in logged if "q-secret" in line]


def test_the_end_of_a_batch_sends_one_message_and_the_sweep_sends_it_again(
    unit: Services, account: Account, secret: str, there: Receiver
) -> None:
    assert secret
    closed_batch_with(unit, account, there.url)
    assert unit.redis.llen(CALLS_QUEUE) == 1
    sweep.sweep(unit)
    assert unit.redis.llen(CALLS_QUEUE) == 1  # it lies there still
    unit.redis.flushdb()
    sweep.sweep(unit)
    assert unit.redis.llen(CALLS_QUEUE) == 1
    steps.call_webhook(unit)
    unit.redis.flushdb()
    sweep.sweep(unit)
    assert unit.redis.llen(CALLS_QUEUE) == 0


def test_receivers_that_never_answer_delay_neither_others_of_their_account_nor_another_account(
    unit: Services,
    unit_environment: Mapping[str, str],
    account: Account,
    secret: str,
    there: Receiver,
) -> None:
    other, _ = make_account(unit)
    others_secret = secret_of(unit, other)
    with ExitStack() as running:
        silent = [running.enter_context(receiver()) for _ in range(HANGING)]
        for one in silent:
            one.hangs = True
            closed_batch_with(unit, account, one.url)
        running.enter_context(calls_worker(unit_environment))
        for one in silent:
            one.wait_for(1)
        closed_batch_with(unit, account, f"{there.url}&of=account")
        closed_batch_with(unit, other, f"{there.url}&of=other")
        received = {call.path.rpartition("=")[2]: call for call in there.wait_for(2)}
        # The proof: both came while all of the silent ones were still waited for.
        with unit.database.transaction() as connection:
            rows = connection.execute("SELECT 1 FROM webhooks WHERE token IS NOT NULL").fetchall()
        assert len(rows) >= HANGING
    assert received["account"].verified(secret)
    assert received["other"].verified(others_secret)


def test_a_worker_that_is_killed_while_calling_has_its_call_made_again(
    unit: Services,
    unit_environment: Mapping[str, str],
    account: Account,
    secret: str,
    there: Receiver,
) -> None:
    there.hangs = True
    batch = closed_batch_with(unit, account, there.url)
    with calls_worker(unit_environment, SUPERVISOR_SLOT="one/calls") as first:
        there.wait_for(1)
        first.send_signal(signal.SIGKILL)
        first.wait()
    unit.redis.flushdb()  # its message is gone too
    there.closing.set()
    there.hangs = False
    with calls_worker(unit_environment, SUPERVISOR_SLOT="one/calls"):
        assert eventually(lambda: row(unit, batch.id)["token"] is None, START_SECONDS)
        pass_time(unit, 5)
        sweep.sweep(unit)
        _, again = there.wait_for(2)
        assert eventually(lambda: row(unit, batch.id)["status"] == "delivered")
    assert again.verified(secret)["data"]["batch_id"] == str(batch.id)
    assert {call.headers["webhook-id"] for call in there.calls} == {again.headers["webhook-id"]}
    assert views.view_batch(unit.database, account.id, batch.id).complete
