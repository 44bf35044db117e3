"""The first step of an image: one claim, one commit, one charge."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from shared.db import credits, images, views
from shared.db.image_states import OPTIMISE
from shared.errors import ImageError
from shared.models import Claim
from shared.services import Services
from tests.support.making import accept, make_account, make_batch, make_result


def claim(services: Services, image_id: UUID) -> Claim:
    claimed = images.claim(services.database, OPTIMISE, image_id, 60)
    assert claimed is not None
    return claimed


def test_of_many_workers_one_gets_the_claim(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account))
    with ThreadPoolExecutor(8) as pool:
        claims = list(
            pool.map(lambda _: images.claim(unit.database, OPTIMISE, image_id, 60), range(16))
        )
    assert sum(claimed is not None for claimed in claims) == 1


def test_a_commit_whose_claim_was_lost_has_no_effect(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    late = claim(unit, image_id)
    images.give_back(unit.database, late)
    winner = claim(unit, image_id)
    assert images.complete(unit.database, late, make_result()) is None
    won = make_result()
    assert images.complete(unit.database, winner, won) is not None
    view = views.view_batch(unit.database, account.id, batch.id)
    assert [image.output_key for image in view.images] == [won.output_key]
    assert view.progress.completed == 1


def test_an_image_that_is_done_is_charged_once(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account))
    held = claim(unit, image_id)
    images.complete(unit.database, held, make_result())
    assert images.complete(unit.database, held, make_result()) is None
    assert images.fail(unit.database, held, ImageError("late")) is None
    with unit.database.transaction() as connection:
        kinds = connection.execute("SELECT kind FROM ledger ORDER BY kind").fetchall()
    assert [row["kind"] for row in kinds] == ["reserved", "spent"]


def test_a_failed_image_costs_nothing(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account))
    images.fail(unit.database, claim(unit, image_id), ImageError("broken"))
    assert credits.balance(unit.database, account.id).images_used == 0


def test_a_batch_closes_once_with_its_last_image(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, [f"{n}.png" for n in range(20)]))
    claims = [claim(unit, image_id) for image_id in ids]
    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(lambda c: images.complete(unit.database, c, make_result()), claims))
    assert [end.batch_closed for end in ends if end].count(True) == 1


def test_ended_images_are_numbered_without_gaps_under_racing_commits(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, [f"{n}.png" for n in range(20)])
    claims = [claim(unit, image_id) for image_id in accept(unit, batch)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda c: images.complete(unit.database, c, make_result()), claims))
    page = views.view_session(
        unit.database, account.id, batch.session_name, after_number=0, limit=100
    )
    assert [image.ended_number for image in page.images] == list(range(1, 21))


def test_images_of_one_account_that_end_in_every_way_do_not_deadlock(unit: Services) -> None:
    account, _ = make_account(unit)
    names = [f"{n}.png" for n in range(30)]
    claims = [
        claim(unit, image_id)
        for batch in (make_batch(unit, account, names) for _ in range(2))
        for image_id in accept(unit, batch)
    ]

    def end(number: int) -> bool:
        way, one = number % 3, claims[number]
        if way == 0:
            return images.complete(unit.database, one, make_result(), 1.0) is not None
        if way == 1:
            return images.fail(unit.database, one, ImageError("broken"), 1.0) is not None
        return images.mark_optimised(unit.database, one, make_result(), 1.0)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(end, range(len(claims))))


def test_a_claim_given_back_does_not_count_as_an_attempt(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account))
    for _ in range(5):
        assert images.give_back(unit.database, claim(unit, image_id))
    assert claim(unit, image_id).attempt == 1


def test_an_image_that_has_ended_cannot_be_opened_again(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account))
    images.complete(unit.database, claim(unit, image_id), make_result())
    with (
        pytest.raises(psycopg.errors.RaiseException, match="from done to queued"),
        unit.database.transaction() as connection,
    ):
        connection.execute("UPDATE images SET state = 'queued', ended_number = NULL")
