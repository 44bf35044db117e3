"""A session is read to its end page by page, cancelled, and deleted once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.db import credits, images, sessions, views
from shared.db.image_states import OPTIMISE
from shared.errors import ImageError, NotFoundError
from shared.models import Claim
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, make_account, make_batch, make_result


def end(services: Services, image_id: object, *, well: bool = True) -> None:
    claim = images.claim(services.database, OPTIMISE, image_id, 60)  # type: ignore[arg-type] # a uuid
    assert claim is not None
    if well:
        images.complete(services.database, claim, make_result())
    else:
        images.fail(services.database, claim, ImageError("broken"))


def test_a_reader_that_keeps_its_cursor_sees_every_image_once(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, [f"{n}.png" for n in range(7)], session="s")
    seen, cursor = [], 0
    for image_id in reversed(accept(unit, batch)):
        end(unit, image_id)
        page = views.view_session(unit.database, account.id, "s", after_number=cursor, limit=1)
        seen += [image.id for image in page.images]
        cursor = page.last_number
    assert seen == [image.id for image in reversed(batch.images)]
    assert page.complete


def test_a_page_is_not_the_last_while_anything_is_open(unit: Services) -> None:
    account, _ = make_account(unit)
    first, _ = accept(unit, make_batch(unit, account, ["a.png", "b.png"], session="s"))
    end(unit, first)
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert (page.status, page.complete) == ("processing", False)


def test_a_completed_session_opens_again_with_another_batch(unit: Services) -> None:
    account, _ = make_account(unit)
    end(unit, accept(unit, make_batch(unit, account, session="s"))[0], well=False)
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert page.status == "completed"
    accept(unit, make_batch(unit, account, session="s"))
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert page.status == "processing"


def test_another_accounts_session_is_not_found(unit: Services) -> None:
    owner, stranger = make_account(unit)[0], make_account(unit)[0]
    accept(unit, make_batch(unit, owner, session="s"))
    with pytest.raises(NotFoundError):
        views.view_session(unit.database, stranger.id, "s", after_number=0, limit=10)
    for end_it in (sessions.cancel, sessions.delete):
        with pytest.raises(NotFoundError):
            end_it(unit.database, stranger.id, "s")


def test_deleting_gives_back_what_has_not_ended(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, ["a.png", "b.png", "c.png"], session="s"))
    end(unit, ids[0])
    working = images.claim(unit.database, OPTIMISE, ids[1], 60)
    assert working is not None
    sessions.delete(unit.database, account.id, "s")
    assert credits.balance(unit.database, account.id).images_used == 1
    assert images.complete(unit.database, working, make_result()) is None
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert (page.progress.completed, page.progress.cancelled) == (1, 2)
    assert (page.status, page.complete) == ("cancelled", True)
    assert [image.error_code for image in page.images] == [None, "cancelled", "cancelled"]


def test_deleting_twice_changes_nothing_more(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png", "b.png"], session="s"))
    sessions.delete(unit.database, account.id, "s")
    sessions.delete(unit.database, account.id, "s")
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert page.progress.cancelled == 2


def test_cancelling_ends_what_is_open_and_keeps_what_is_done(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, ["a.png", "b.png", "c.png"], session="s"))
    end(unit, ids[0])
    working = images.claim(unit.database, OPTIMISE, ids[1], 60)
    assert working is not None
    sessions.cancel(unit.database, account.id, "s")
    assert images.complete(unit.database, working, make_result()) is None
    assert credits.balance(unit.database, account.id).images_used == 1
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert (page.progress.completed, page.progress.cancelled) == (1, 2)
    assert (page.status, page.complete) == ("completed", True)
    assert [(bool(image.output_key), image.error_code) for image in page.images] == [
        (True, None),
        (False, "cancelled"),
        (False, "cancelled"),
    ]


def test_an_image_that_is_cancelled_before_its_text_is_no_result_and_costs_nothing(
    unit: Services,
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, session="s", options=BOTH_TEXTS)
    (image_id,) = accept(unit, batch)
    claim = images.claim(unit.database, OPTIMISE, image_id, 60)
    assert claim is not None
    assert images.mark_optimised(unit.database, claim, make_result(preview_key="p"))
    sessions.cancel(unit.database, account.id, "s")
    (image,) = views.view_batch(unit.database, account.id, batch.id).images
    assert (image.output_key, image.error_code) == (None, "cancelled")
    balance = credits.balance(unit.database, account.id)
    assert (balance.images_used, balance.ai_used) == (0, 0)


def test_a_cancelled_session_takes_more_batches_and_is_cancelled_again(unit: Services) -> None:
    account, _ = make_account(unit)
    first = make_batch(unit, account, ["a.png", "b.png"], session="s")
    accept(unit, first)
    _, closed = sessions.cancel(unit.database, account.id, "s")
    assert closed == [first.id]
    second = make_batch(unit, account, ["a.png", "b.png"], session="s")
    end(unit, accept(unit, second)[0])
    _, closed = sessions.cancel(unit.database, account.id, "s")
    assert closed == [second.id]
    _, closed = sessions.cancel(unit.database, account.id, "s")
    assert closed == []
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert (page.progress.completed, page.progress.cancelled) == (1, 3)
    assert [image.ended_number for image in page.images] == [1, 2, 3, 4]


def test_cancelling_while_workers_commit_counts_every_image_once(unit: Services) -> None:
    account, _ = make_account(unit)
    names = [f"{n}.png" for n in range(20)]
    ids = accept(unit, make_batch(unit, account, names, session="s"))
    claims = [images.claim(unit.database, OPTIMISE, image_id, 60) for image_id in ids]

    def commit(claim: Claim | None) -> bool:
        assert claim is not None
        return images.complete(unit.database, claim, make_result()) is not None

    with ThreadPoolExecutor(6) as pool:
        commits = [pool.submit(commit, claim) for claim in claims]
        cancelling = pool.submit(sessions.cancel, unit.database, account.id, "s")
        kept = sum(future.result() for future in commits)
        cancelling.result()
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=100)
    assert (page.progress.completed, page.progress.cancelled) == (kept, 20 - kept)
    assert [image.ended_number for image in page.images] == list(range(1, 21))
    assert credits.balance(unit.database, account.id).images_used == kept


def test_a_reader_comes_to_an_end_where_the_newest_images_are_forgotten(unit: Services) -> None:
    account, _ = make_account(unit)
    newest = make_batch(unit, account, session="s")
    end(unit, accept(unit, make_batch(unit, account, session="s"))[0])
    end(unit, accept(unit, newest)[0])
    with unit.database.transaction() as connection:
        connection.execute("DELETE FROM batches WHERE id = %s", (newest.id,))
    page = views.view_session(unit.database, account.id, "s", after_number=1, limit=10)
    assert page.complete
