"""The second step of an image: claimed, committed, postponed and given up."""

import io
from collections.abc import Sequence
from uuid import UUID

import pytest

from shared.clients.celery_queue import AI_QUEUE, IMAGES_QUEUE
from shared.clients.object_store import output_key, preview_key
from shared.db import credits, descriptions, images, sessions, views
from shared.db.image_states import DESCRIBE, OPTIMISE
from shared.db.images import ImageEnded
from shared.imagetype import ImageType
from shared.models import Claim, Description, Notice
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch, make_result
from workers import sweep

MISSING = Notice("ai_unavailable", "The AI provider did not answer")
WRITTEN = Description("Red shoes on grass", "red-shoes-on-grass")


def hand_on(services: Services, image_id: UUID) -> bool:
    """As the first step leaves an image for the second."""
    claim = images.claim(services.database, OPTIMISE, image_id, 60)
    assert claim is not None
    key = preview_key(claim.batch_id, claim.token)
    services.store.put(key, io.BytesIO(b"jpeg"), 4, "image/jpeg")
    result = make_result(output_key(claim.batch_id, claim.token, ImageType.WEBP), key)
    return images.mark_optimised(services.database, claim, result)


def claim(services: Services, image_id: UUID) -> Claim:
    found = images.claim(services.database, DESCRIBE, image_id, 60)
    assert found is not None
    return found


def complete(
    services: Services, claim: Claim, written: Description = WRITTEN, notice: Notice | None = None
) -> ImageEnded | None:
    return descriptions.complete(services.database, claim, written, notice)


def waiting(
    services: Services, count: int = 1, names: Sequence[str] = ("a.png",)
) -> tuple[int, list[UUID]]:
    """An account and its images that wait to be described, sent out as one batch."""
    account, _ = make_account(services)
    sent = [*names] * count
    ids = accept(services, make_batch(services, account, sent, options=BOTH_TEXTS))
    services.dispatch()
    services.redis.flushdb()  # as if every message had been lost
    for image_id in ids:
        assert hand_on(services, image_id)
    return account.id, ids


def state(services: Services, image_id: UUID) -> str:
    with services.database.transaction() as connection:
        row = connection.execute("SELECT state FROM images WHERE id = %s", (image_id,)).fetchone()
    assert row is not None
    return str(row["state"])


def view(services: Services, account_id: int) -> views.View:
    with services.database.transaction() as connection:
        row = connection.execute(
            "SELECT id FROM batches WHERE account_id = %s", (account_id,)
        ).fetchone()
    assert row is not None
    return views.view_batch(services.database, account_id, row["id"])


def pass_time(services: Services, column: str, seconds: int) -> None:
    with services.database.transaction() as connection:
        connection.execute(
            f"UPDATE images SET {column} = {column} - make_interval(secs => %s)",  # noqa: S608 - ours
            (seconds,),
        )


def test_a_described_image_has_its_text_and_its_name_and_costs_both_credits(
    unit: Services,
) -> None:
    account_id, (image_id,) = waiting(unit)
    ended = complete(unit, claim(unit, image_id))
    assert ended is not None
    assert ended.batch_closed
    (image,) = view(unit, account_id).images
    assert (image.alt_text, image.file_name) == ("Red shoes on grass", "red-shoes-on-grass.webp")
    now = credits.balance(unit.database, account_id)
    assert (now.images_used, now.ai_used) == (1, 1)


def test_an_image_without_its_text_is_delivered_under_its_plain_name_with_a_warning(
    unit: Services,
) -> None:
    account_id, (image_id,) = waiting(unit)
    complete(unit, claim(unit, image_id), Description(), MISSING)
    (image,) = view(unit, account_id).images
    assert image.output_key is not None
    assert (image.alt_text, image.file_name) == (None, "a.webp")
    assert [(notice.index, notice.code) for notice in image.notices] == [(0, "ai_unavailable")]


def test_an_image_without_its_text_keeps_its_compression_and_gives_its_ai_credit_back(
    unit: Services,
) -> None:
    account_id, (image_id,) = waiting(unit)
    complete(unit, claim(unit, image_id), Description(), MISSING)
    now = credits.balance(unit.database, account_id)
    assert (now.images_used, now.ai_used) == (1, 0)


@pytest.mark.parametrize(("notice", "ai"), [(None, "spent"), (MISSING, "released")])
def test_both_credits_are_settled_in_the_ledger(
    unit: Services, notice: Notice | None, ai: str
) -> None:
    _, (image_id,) = waiting(unit)
    complete(unit, claim(unit, image_id), Description(), notice)
    with unit.database.transaction() as connection:
        rows = connection.execute(
            "SELECT unit, kind FROM ledger WHERE kind <> 'reserved' ORDER BY unit"
        ).fetchall()
    assert [tuple(row.values()) for row in rows] == [("ai", ai), ("image", "spent")]


def test_a_warning_of_the_first_step_is_kept(unit: Services) -> None:
    account_id, (image_id,) = waiting(unit)
    with unit.database.transaction() as connection:
        connection.execute(
            'UPDATE images SET warnings = \'[{"code": "earlier", "message": "m"}]\' WHERE id = %s',
            (image_id,),
        )
    complete(unit, claim(unit, image_id), Description(), MISSING)
    (image,) = view(unit, account_id).images
    assert [notice.code for notice in image.notices] == ["earlier", "ai_unavailable"]


def test_two_images_of_a_session_do_not_share_a_name(unit: Services) -> None:
    account_id, ids = waiting(unit, 3)
    for image_id in ids:
        complete(unit, claim(unit, image_id))
    names = {image.file_name for image in view(unit, account_id).images}
    assert names == {
        "red-shoes-on-grass.webp",
        "red-shoes-on-grass-2.webp",
        "red-shoes-on-grass-3.webp",
    }


def test_an_image_is_renamed_within_its_folder(unit: Services) -> None:
    account_id, ids = waiting(unit, names=["red/a.png", "blue/a.png", "a.png", "red/b.png"])
    for image_id in ids:
        complete(unit, claim(unit, image_id))
    assert [(image.folder, image.file_name) for image in view(unit, account_id).images] == [
        ("red", "red-shoes-on-grass.webp"),
        ("blue", "red-shoes-on-grass.webp"),
        (None, "red-shoes-on-grass.webp"),
        ("red", "red-shoes-on-grass-2.webp"),
    ]


def test_an_image_that_waits_to_be_described_has_not_ended(unit: Services) -> None:
    account_id, _ = waiting(unit)
    found = view(unit, account_id)
    assert (found.complete, found.progress.processing, list(found.images)) == (False, 1, [])


def test_only_one_worker_describes_an_image(unit: Services) -> None:
    _, (image_id,) = waiting(unit)
    claim(unit, image_id)
    assert images.claim(unit.database, DESCRIBE, image_id, 60) is None


def test_a_late_description_is_refused(unit: Services) -> None:
    account_id, (image_id,) = waiting(unit)
    late = claim(unit, image_id)
    assert descriptions.postpone(unit.database, late, attempt_counts=True)
    winner = claim(unit, image_id)
    assert complete(unit, late, Description("Late", "late")) is None
    assert complete(unit, winner) is not None
    assert [image.alt_text for image in view(unit, account_id).images] == ["Red shoes on grass"]


def test_a_refused_description_takes_no_file_name(unit: Services) -> None:
    account_id, (image_id,) = waiting(unit)
    late = claim(unit, image_id)
    descriptions.postpone(unit.database, late, attempt_counts=True)
    complete(unit, late)
    complete(unit, claim(unit, image_id))
    assert [image.file_name for image in view(unit, account_id).images] == [
        "red-shoes-on-grass.webp"
    ]


def test_a_first_step_that_lost_its_claim_hands_nothing_on(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account, options=BOTH_TEXTS))
    late = images.claim(unit.database, OPTIMISE, image_id, 60)
    assert late is not None
    images.give_back(unit.database, late)
    assert not images.mark_optimised(unit.database, late, make_result(preview_key="p"))
    assert state(unit, image_id) == "queued"


def test_an_image_cancelled_while_it_is_described_costs_nothing(unit: Services) -> None:
    account_id, (image_id,) = waiting(unit)
    mine = claim(unit, image_id)
    sessions.delete(unit.database, account_id, view(unit, account_id).session_name)
    assert complete(unit, mine) is None
    now = credits.balance(unit.database, account_id)
    assert (now.images_used, now.ai_used) == (0, 0)


def test_a_worker_that_went_silent_while_describing_is_replaced(unit: Services) -> None:
    _, (image_id,) = waiting(unit)
    claim(unit, image_id)
    pass_time(unit, "lease_until", 61)
    sweep.sweep(unit)
    assert unit.redis.llen(AI_QUEUE) == 1
    assert claim(unit, image_id).attempt == 2


def test_an_image_that_used_up_its_attempts_to_be_described_is_delivered_without(
    unit: Services,
) -> None:
    account_id, (image_id,) = waiting(unit)
    for _ in range(unit.settings.max_attempts):
        claim(unit, image_id)
        pass_time(unit, "lease_until", 61)
        sweep.sweep(unit)
    (image,) = view(unit, account_id).images
    assert (image.output_key is None, image.alt_text) == (False, None)
    assert [notice.code for notice in image.notices] == ["ai_unavailable"]
    assert credits.balance(unit.database, account_id).ai_used == 0


def test_a_lost_message_of_the_second_step_is_sent_again(unit: Services) -> None:
    waiting(unit)
    sweep.sweep(unit)
    assert unit.redis.llen(AI_QUEUE) == 0  # it may still be on its way
    pass_time(unit, "published_at", unit.settings.republish_seconds + 1)
    sweep.sweep(unit)
    assert (unit.redis.llen(AI_QUEUE), unit.redis.llen(IMAGES_QUEUE)) == (1, 0)


@pytest.mark.parametrize(("wait_seconds", "sent"), [(0.0, 1), (30.0, 0)])
def test_an_image_held_up_by_a_limit_goes_on_when_that_lets_it(
    unit: Services, wait_seconds: float, sent: int
) -> None:
    _, (image_id,) = waiting(unit)
    descriptions.postpone(unit.database, claim(unit, image_id), wait_seconds)
    sweep.sweep(unit)
    assert unit.redis.llen(AI_QUEUE) == sent


def test_an_image_held_up_by_a_limit_has_used_no_attempt(unit: Services) -> None:
    _, (image_id,) = waiting(unit)
    descriptions.postpone(unit.database, claim(unit, image_id), 30.0)
    assert claim(unit, image_id).attempt == 1


def test_an_image_that_nobody_comes_to_describe_is_delivered_in_the_end(unit: Services) -> None:
    account_id, _ = waiting(unit)
    pass_time(unit, "optimised_at", unit.settings.ai_patience_seconds - 10)
    sweep.sweep(unit)
    assert not view(unit, account_id).complete
    pass_time(unit, "optimised_at", 20)
    sweep.sweep(unit)
    (image,) = view(unit, account_id).images
    assert [notice.code for notice in image.notices] == ["ai_unavailable"]
