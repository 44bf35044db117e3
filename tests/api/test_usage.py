"""GET /api/usage, and what a plan lets pass."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.db import accounts
from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import Still
from tests.support.cases import every_case
from tests.support.client import Client
from tests.support.making import make_account, png

FILE = ("a.png", png())


def _usage(client: Client) -> Any:
    response = client.call("GET", "/api/usage")
    assert response.status_code == 200
    return response.json()


def _on(plan: Plan, url: str, services: Services) -> Client:
    account, key = make_account(services, plan)
    return Client(url, key, account)


def _set_ai_used(services: Services, client: Client, used: int) -> None:
    with services.database.transaction() as connection:
        connection.execute(
            "UPDATE usage SET ai_credits = %s WHERE account_id = %s", (used, client.account.id)
        )


@every_case(
    "plan, images, credits",
    [
        (Plan.FREE, 20, 0),
        (Plan.STARTER, 200, 200),
        (Plan.PRO, 99_999, 1_000),
        (Plan.AGENCY, 99_999, 10_000),
    ],
)
def test_a_new_account_has_what_its_plan_gives(
    service_url: str, service: Services, plan: Plan, images: int, credits: int
) -> None:
    body = _usage(_on(plan, service_url, service))
    assert body == {
        "plan": plan.value,
        "compressor_used": 0,
        "compressor_limit": images,
        "ia_credits_used": 0,
        "ia_credits_monthly": credits,
        "ia_topup_credits": 0,
        "ia_credits_remaining": credits,
        "canCompress": True,
        "canUseIA": plan is not Plan.FREE,
        "topups": {"small": "", "medium": "", "large": ""},
    }
    assert list(body) == [
        *("plan", "compressor_used", "compressor_limit", "ia_credits_used"),
        *("ia_credits_monthly", "ia_topup_credits", "ia_credits_remaining"),
        *("canCompress", "canUseIA", "topups"),
    ]


def test_a_checkout_starts_where_the_operator_says(still: Still) -> None:
    assert _usage(still)["topups"] == {
        "small": "https://shop.example/small",
        "medium": "",
        "large": "",
    }


def test_each_image_that_succeeds_counts_one_and_one_that_fails_counts_none(
    client: Client,
) -> None:
    client.compress([FILE, ("x.txt", b"x"), FILE])
    client.compress([("y.txt", b"y")])
    assert _usage(client)["compressor_used"] == 2


def test_a_refused_batch_counts_none(client: Client) -> None:
    client.compress([FILE], {"quality": "1"})
    client.compress([FILE] * 21)
    assert _usage(client)["compressor_used"] == 0


def test_the_free_plans_twenty_first_image_is_refused_with_used_and_limit(free: Client) -> None:
    assert free.compress([FILE] * 20).status_code == 200
    usage = _usage(free)
    assert (usage["compressor_used"], usage["canCompress"]) == (20, False)
    response = free.compress([FILE])
    assert response.status_code == 403
    assert response.json() == {
        "error": "You have used 20 of the 20 images that the free plan includes in a billing"
        " period; none is left.",
        "code": "plan_limit",
    }


def test_a_batch_that_does_not_fit_what_is_left_is_refused_whole(free: Client) -> None:
    assert free.compress([FILE] * 15).status_code == 200
    response = free.compress([FILE] * 6)
    assert response.status_code == 403
    assert "15 of the 20 images" in response.json()["error"]
    assert _usage(free)["compressor_used"] == 15
    assert free.compress([FILE] * 5).status_code == 200


def test_images_that_failed_leave_their_place_to_others(free: Client) -> None:
    assert free.compress([("x.txt", b"x")] * 20).status_code == 422
    assert free.compress([FILE] * 20).status_code == 200


def test_batches_that_race_for_the_last_images_cannot_overspend(free: Client) -> None:
    free.compress([FILE] * 14)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: free.compress([FILE] * 2).status_code, range(8)))
    assert sorted(statuses) == [200] * 3 + [403] * 5
    assert _usage(free)["compressor_used"] == 20


def test_ai_remaining_is_monthly_less_used_and_topup(client: Client, service: Services) -> None:
    client.compress([FILE])
    accounts.set_plan(service.database, client.account.name, Plan.PRO)
    accounts.add_topup(service.database, client.account.name, 200)
    _set_ai_used(service, client, 120)
    body = _usage(client)
    assert (body["ia_credits_used"], body["ia_credits_monthly"]) == (120, 1000)
    assert (body["ia_topup_credits"], body["ia_credits_remaining"]) == (200, 1080)


@pytest.mark.parametrize("plan", [Plan.FREE, Plan.STARTER])
def test_after_a_downgrade_the_formula_holds_and_nothing_is_negative(
    client: Client, service: Services, plan: Plan
) -> None:
    client.compress([FILE])
    accounts.add_topup(service.database, client.account.name, 5)
    _set_ai_used(service, client, 300)
    accounts.set_plan(service.database, client.account.name, plan)
    body = _usage(client)
    assert body["plan"] == plan.value
    assert body["ia_credits_remaining"] == 5
    assert body["ia_credits_remaining"] == (
        body["ia_credits_monthly"] - body["ia_credits_used"] + body["ia_topup_credits"]
    )
    assert body["canUseIA"] is (plan is not Plan.FREE)


def test_after_a_downgrade_below_what_was_used_nothing_more_fits(
    service_url: str, service: Services
) -> None:
    client = _on(Plan.STARTER, service_url, service)
    client.compress([FILE] * 20)
    client.compress([FILE])
    accounts.set_plan(service.database, client.account.name, Plan.FREE)
    usage = _usage(client)
    assert (usage["compressor_used"], usage["compressor_limit"]) == (21, 20)
    assert usage["canCompress"] is False
    assert client.compress([FILE]).status_code == 403


def test_can_use_ia_needs_a_credit(client: Client, service: Services) -> None:
    client.compress([FILE])
    _set_ai_used(service, client, 10_000)
    assert _usage(client)["canUseIA"] is False


@every_case("field", ["autoAltText", "autoRenameSEO"])
def test_ai_on_the_free_plan_is_refused_by_its_code(free: Client, field: str) -> None:
    response = free.compress([FILE], {field: "true"})
    assert response.status_code == 403
    assert response.json() == {
        "error": "ia_not_available",
        "code": "ia_not_available",
        "message": "AI features require a paid plan. Upgrade to Starter or higher.",
    }


def test_ai_without_enough_credits_is_refused_by_its_code(
    client: Client, service: Services
) -> None:
    client.compress([FILE])
    _set_ai_used(service, client, 9_999)
    response = client.compress([FILE] * 2, {"autoAltText": "true"})
    assert response.status_code == 403
    assert response.json() == {
        "error": "no_credits",
        "code": "no_credits",
        "message": "You have used all your AI credits this month. Purchase a top-up to continue.",
    }
    assert _usage(client)["compressor_used"] == 1


def test_ai_without_a_provider_is_503_with_retry_after(still: Still) -> None:
    response = still.compress([FILE], {"autoAltText": "true"})
    assert response.status_code == 503
    assert response.json() == {
        "error": "This service has no AI provider; "
        "send the batch without autoAltText and autoRenameSEO",
        "code": "unavailable",
    }
    assert int(response.headers["Retry-After"]) > 0
    assert _usage(still)["compressor_used"] == 0


def test_the_last_period_does_not_count(free: Client, service: Services) -> None:
    free.compress([FILE] * 20)
    with service.database.transaction() as connection:
        connection.execute(
            "UPDATE usage SET period = (period - interval '1 month')::date WHERE account_id = %s",
            (free.account.id,),
        )
    assert _usage(free)["compressor_used"] == 0
    assert free.compress([FILE]).status_code == 200
