"""What an account may store: counted as it is in the store, refused past its plan's limit."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import in_process
from tests.api.retry.shop import BOTH, PHOTO, Shop, make_shop
from tests.support.making import png
from tests.support.memory_store import with_memory_store
from workers import steps, sweep

ROOM = 2.5 * len(PHOTO)  # for two photographs


@pytest.fixture
def services(unit: Services) -> Services:
    """With room for two photographs on the plan `starter`, and for any number on others."""
    gigabytes = dict.fromkeys(Plan, 1.0) | {Plan.STARTER: ROOM / 1e9}
    changes = {"anthropic_api_key": SecretStr("never used"), "storage_gb": gigabytes}
    return with_memory_store(replace(unit, settings=unit.settings.model_copy(update=changes)))


@pytest.fixture
def http(services: Services) -> Iterator[FlaskClient]:
    with in_process(services) as client:
        yield client


@pytest.fixture
def shop(unit: Services, http: FlaskClient, services: Services) -> Shop:
    return make_shop(unit, http, services, Plan.AGENCY)


@pytest.fixture
def small(unit: Services, http: FlaskClient, services: Services) -> Shop:
    return make_shop(unit, http, services, Plan.STARTER)


def post(shop: Shop, count: int = 1) -> TestResponse:
    files = [(io.BytesIO(PHOTO), f"{n}.png") for n in range(count)]
    headers = {"Prefer": "respond-async"}
    return shop.call("POST", "/api/compress", headers=headers, data={"file": files})


def counted(shop: Shop) -> int:
    body = shop.call("GET", "/api/account").json
    assert body
    stored: int = body["stored_bytes"]
    return stored


def expire(shop: Shop) -> None:
    with shop.services.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = now() - interval '2 days'")
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)


def test_what_is_counted_is_what_is_stored_from_the_upload_until_it_expires(shop: Shop) -> None:
    sizes = []

    def both_agree() -> None:
        sizes.append(shop.store.size())
        assert counted(shop) == sizes[-1]

    both_agree()
    shop.send(2, watermarkFile=(io.BytesIO(png(8, 8)), "logo.png"), **BOTH)
    both_agree()
    shop.optimise()
    both_agree()
    shop.describe()
    both_agree()
    expire(shop)
    both_agree()
    assert sizes[0] == sizes[-1] == 0
    assert sizes[1] > 0
    assert sizes[2] > sizes[1] > sizes[3]


def test_what_a_retry_keeps_and_copies_is_counted(shop: Shop) -> None:
    shop.send(2)
    shop.fail()
    assert counted(shop) == shop.store.size() == 2 * len(PHOTO)
    shop.retry()
    assert counted(shop) == shop.store.size() == 4 * len(PHOTO)


def test_a_deleted_session_makes_room(shop: Shop) -> None:
    shop.send(2)
    steps.optimise(shop.services, shop.rows()[0]["id"])
    shop.call("DELETE", "/api/sessions/s")
    sweep.delete_inputs(shop.services.database, shop.store)
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)
    assert counted(shop) == shop.store.size() == 0


def test_a_batch_that_does_not_fit_is_refused_and_costs_nothing(small: Shop) -> None:
    assert post(small, 2).status_code == 202
    refused = post(small)
    assert refused.status_code == 403
    assert refused.json == {
        "error": f"Your files take {2 * len(PHOTO) / 1e3:.3g} kB of the {ROOM / 1e3:.3g} kB that"
        f" the starter plan stores; another {len(PHOTO) / 1e3:.3g} kB do not fit. Delete a session"
        " (DELETE /api/sessions/<session_id>), or wait until results expire.",
        "code": "storage_limit",
    }
    assert small.used() == (2, 0)
    assert small.store.size() == 2 * len(PHOTO)


def test_of_many_batches_at_once_only_those_that_fit_are_accepted(small: Shop) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = [answer.status_code for answer in pool.map(lambda _: post(small), range(6))]
    assert sorted(answers) == [202, 202, 403, 403, 403, 403]
    assert small.store.size() == 2 * len(PHOTO)


def test_an_accepted_batch_ends_however_much_it_stores(small: Shop) -> None:
    small.send(2)
    with small.services.database.transaction() as connection:
        connection.execute("UPDATE batches SET output_bytes = 1000000")
    small.optimise()
    assert [row["state"] for row in small.rows()] == ["done", "done"]
    assert post(small).status_code == 403


def test_a_retry_that_does_not_fit_is_refused(small: Shop) -> None:
    small.send(2)
    small.fail()
    before = small.store.size()
    refused = small.call("POST", "/api/sessions/s/retry")
    assert (refused.status_code, (refused.json or {})["code"]) == (403, "storage_limit")
    assert small.store.size() == before


def test_an_account_is_told_how_much_it_may_store(small: Shop) -> None:
    body = small.call("GET", "/api/account").json
    assert body
    assert body["storage_bytes"] == int(ROOM)
