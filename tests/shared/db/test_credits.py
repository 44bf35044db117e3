"""A credit is reserved, spent or given back exactly once, and never more than the plan has."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from shared.db import accounts, batches, credits, images
from shared.db.image_states import OPTIMISE
from shared.errors import (
    AiNotAvailableError,
    FluximageError,
    ImageError,
    NoCreditsError,
    PlanLimitError,
)
from shared.plans import Plan
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch


def ledger_of(services: Services, account_id: int) -> Counter[tuple[str, str, str]]:
    with services.database.transaction() as connection:
        rows = connection.execute(
            "SELECT unit, kind, source FROM ledger WHERE account_id = %s", (account_id,)
        ).fetchall()
    return Counter((row["unit"], row["kind"], row["source"]) for row in rows)


def test_a_batch_that_does_not_fit_the_plan_is_refused_whole(unit: Services) -> None:
    account, _ = make_account(unit, Plan.FREE)
    accept(unit, make_batch(unit, account, ["a.png"] * 15))
    with pytest.raises(PlanLimitError, match="15 of the 20 images"):
        accept(unit, make_batch(unit, account, ["a.png"] * 6))
    assert credits.balance(unit.database, account.id).images_used == 15
    assert ledger_of(unit, account.id) == {("image", "reserved", "period"): 15}


def test_fifty_racers_for_ten_credits_are_ten_acceptances(unit: Services) -> None:
    account, _ = make_account(unit, Plan.FREE)
    accept(unit, make_batch(unit, account, ["a.png"] * 10))
    racers = [make_batch(unit, account) for _ in range(50)]

    def race(number: int) -> bool:
        try:
            accept(unit, racers[number])
        except PlanLimitError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(race, range(50))) == 10
    assert credits.balance(unit.database, account.id).images_left == 0


def test_ai_spends_the_monthly_credits_before_the_top_up(unit: Services) -> None:
    account, _ = make_account(unit, Plan.STARTER)
    accounts.add_topup(unit.database, account.name, 5)
    for _ in range(10):
        accept(
            unit, make_batch(unit, account, ["a.png"] * 19, options=BOTH_TEXTS)
        )  # 190 of 200 monthly
    accounts.set_plan(unit.database, account.name, Plan.PRO)  # images without limit
    accounts.set_plan(unit.database, account.name, Plan.STARTER)
    accept(unit, make_batch(unit, account, ["a.png"] * 10, options=BOTH_TEXTS))
    now = credits.balance(unit.database, account.id)
    assert (now.monthly_ai_left, now.topup_credits) == (0, 5)


def test_ai_past_the_monthly_credits_takes_from_the_top_up(unit: Services) -> None:
    account, _ = make_account(unit, Plan.STARTER)
    accounts.add_topup(unit.database, account.name, 5)
    with unit.database.transaction() as connection:
        period = credits.balance(unit.database, account.id).period
        connection.execute(
            "INSERT INTO usage (account_id, period, ai_credits) VALUES (%s, %s, 197)",
            (account.id, period),
        )
    accept(unit, make_batch(unit, account, ["a.png"] * 4, options=BOTH_TEXTS))
    now = credits.balance(unit.database, account.id)
    assert (now.ai_used, now.topup_credits) == (200, 4)


def test_a_period_that_only_another_clock_has_begun_is_not_this_one(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account))
    with unit.database.transaction() as connection:
        connection.execute(
            "INSERT INTO usage (account_id, period) SELECT id, current_date + 40 FROM accounts"
            " WHERE id = %s",
            (account.id,),
        )
    assert credits.balance(unit.database, account.id).images_used == 1


def test_a_failed_image_gives_every_credit_back_to_where_it_came_from(unit: Services) -> None:
    account, _ = make_account(unit, Plan.STARTER)
    accounts.add_topup(unit.database, account.name, 2)
    with unit.database.transaction() as connection:
        period = credits.balance(unit.database, account.id).period
        connection.execute(
            "INSERT INTO usage (account_id, period, ai_credits) VALUES (%s, %s, 199)",
            (account.id, period),
        )
    ids = accept(unit, make_batch(unit, account, ["a.png", "b.png"], options=BOTH_TEXTS))
    for image_id in ids:
        claim = images.claim(unit.database, OPTIMISE, image_id, 60)
        assert claim is not None
        images.fail(unit.database, claim, ImageError("broken"))
    now = credits.balance(unit.database, account.id)
    assert (now.images_used, now.ai_used, now.topup_credits) == (0, 199, 2)


def test_a_credit_of_an_earlier_period_goes_back_to_that_period(unit: Services) -> None:
    account, _ = make_account(unit, Plan.STARTER)
    (image_id,) = accept(unit, make_batch(unit, account))
    with unit.database.transaction() as connection:
        connection.execute("UPDATE ledger SET period = period - 40")
        connection.execute("UPDATE usage SET period = period - 40")
    accept(unit, make_batch(unit, account))
    claim = images.claim(unit.database, OPTIMISE, image_id, 60)
    assert claim is not None
    images.fail(unit.database, claim, ImageError("broken"))
    with unit.database.transaction() as connection:
        rows = connection.execute("SELECT images FROM usage ORDER BY period").fetchall()
    assert [row["images"] for row in rows] == [0, 1]


def test_a_release_that_comes_twice_gives_back_once(unit: Services) -> None:
    account, _ = make_account(unit, Plan.FREE)
    ids = accept(unit, make_batch(unit, account, ["a.png", "b.png"]))
    for _ in range(2):
        with unit.database.transaction() as connection:
            credits.release(connection, ids[:1])
    assert credits.balance(unit.database, account.id).images_used == 1


def test_what_is_left_is_never_below_zero_after_a_downgrade(unit: Services) -> None:
    account, _ = make_account(unit, Plan.PRO)
    for _ in range(2):
        accept(unit, make_batch(unit, account, ["a.png"] * 20, options=BOTH_TEXTS))
    accounts.set_plan(unit.database, account.name, Plan.FREE)
    now = credits.balance(unit.database, account.id)
    assert (now.images_left, now.ai_left) == (0, 0)


@pytest.mark.parametrize(
    ("plan", "images_wanted", "expected"),
    [(Plan.FREE, 1, AiNotAvailableError), (Plan.STARTER, 201, PlanLimitError)],
)
def test_a_request_past_the_plan_is_told_why(
    unit: Services, plan: Plan, images_wanted: int, expected: type[FluximageError]
) -> None:
    account, _ = make_account(unit, plan)
    with pytest.raises(expected):
        credits.balance(unit.database, account.id).check(images_wanted, ai_credits=images_wanted)


def test_ai_without_credits_is_told_so(unit: Services) -> None:
    account, _ = make_account(unit, Plan.PRO)
    with pytest.raises(NoCreditsError, match="Purchase a top-up"):
        credits.balance(unit.database, account.id).check(1001, ai_credits=1001)


def test_a_refused_batch_leaves_no_row(unit: Services) -> None:
    account, _ = make_account(unit, Plan.FREE)
    batch = make_batch(unit, account, ["a.png"] * 21, session=str(uuid4()))
    with pytest.raises(PlanLimitError):
        batches.accept(unit.database, uuid4(), batch)
    with unit.database.transaction() as connection:
        for table in ("sessions", "batches", "images", "ledger", "usage", "file_names"):
            assert connection.execute(f"SELECT 1 FROM {table}").fetchone() is None  # noqa: S608
