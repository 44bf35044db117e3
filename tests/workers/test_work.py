"""What an account's images take in CPU seconds counts, whatever becomes of them."""

from uuid import UUID

import pytest

from shared.db import credits, images, upkeep, views, work
from shared.db.accounts import Account
from shared.db.database import one
from shared.db.image_states import OPTIMISE
from shared.errors import WorkLimitError
from shared.services import Services
from tests.support.making import accept, make_account, make_batch
from workers import lost_claims, steps, sweep


def spent(services: Services, account: Account) -> float:
    with services.database.transaction() as connection:
        row = connection.execute(
            "SELECT coalesce(sum(cpu_seconds), 0)::float8 AS spent FROM work WHERE account_id = %s",
            (account.id,),
        ).fetchone()
    return float(one(row)["spent"])


def waiting(services: Services, account: Account, data: bytes | None = None) -> UUID:
    (image_id,) = accept(services, make_batch(services, account, data=data))
    return image_id


def run_for(services: Services, image_id: UUID, seconds: float) -> None:
    """A worker that has the image for so long, and is lost."""
    assert images.claim(services.database, OPTIMISE, image_id, -1) is not None
    with services.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET claimed_at = claimed_at - make_interval(secs => %s)", (seconds,)
        )


@pytest.mark.parametrize("data", [None, b"\xff\xd8 just text"], ids=["done", "failed"])
def test_an_image_counts_its_cpu_seconds_however_it_ends(
    unit: Services, data: bytes | None
) -> None:
    account, _ = make_account(unit)
    steps.optimise(unit, waiting(unit, account, data))
    assert spent(unit, account) > 0


def test_measuring_counts_its_cpu_seconds(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    accept(unit, batch, None)
    assert spent(unit, account) == 0
    steps.measure(unit, batch.id)
    assert spent(unit, account) > 0


@pytest.mark.parametrize(("ran", "counted"), [(30, 30), (3_000, 120)])
def test_a_lost_run_counts_what_it_can_have_taken(
    unit: Services, ran: float, counted: float
) -> None:
    account, _ = make_account(unit)
    run_for(unit, waiting(unit, account), ran)
    sweep.sweep(unit)
    assert spent(unit, account) == pytest.approx(counted, rel=0.1)


def test_each_lost_run_counts(unit: Services) -> None:
    account, _ = make_account(unit)
    image_id = waiting(unit, account)
    for _ in range(unit.settings.max_attempts):
        run_for(unit, image_id, 40)
        sweep.sweep(unit)
    assert spent(unit, account) == pytest.approx(3 * 40, rel=0.1)


@pytest.mark.parametrize(
    ("used_seconds", "code"), [(100.0, "too_much_work"), (0.5, None), (None, "too_much_work")]
)
def test_an_image_that_worked_until_the_task_limit_gets_no_other_run(
    unit: Services, used_seconds: float | None, code: str | None
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    run_for(unit, image_id, 120)
    claims = upkeep.lost_claims(unit.database)
    lost_claims.end(unit, claims, used_seconds=used_seconds, at_limit=True)
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.error_code for image in view.images] == ([code] if code else [])
    assert view.progress.queued == (0 if code else 1)
    assert credits.balance(unit.database, account.id).images_used == (0 if code else 1)
    assert spent(unit, account) == pytest.approx(used_seconds or 120, rel=0.1)


def test_an_account_past_its_work_is_told_when_the_next_hour_begins(unit: Services) -> None:
    account, other = make_account(unit)[0], make_account(unit)[0]
    run_for(unit, waiting(unit, account), 100)
    sweep.sweep(unit)
    work.check(unit.database, account.id, 101)
    with pytest.raises(WorkLimitError) as refused:
        work.check(unit.database, account.id, 100)
    assert 1 <= refused.value.retry_after_seconds <= 3600
    work.check(unit.database, other.id, 100)
    with unit.database.transaction() as connection:
        connection.execute("UPDATE work SET hour = hour - interval '1 hour'")
    work.check(unit.database, account.id, 100)


def test_old_hours_are_deleted(unit: Services) -> None:
    account, _ = make_account(unit)
    steps.optimise(unit, waiting(unit, account))
    with unit.database.transaction() as connection:
        connection.execute("UPDATE work SET hour = hour - interval '2 days'")
    sweep.sweep(unit)
    assert spent(unit, account) == 0
