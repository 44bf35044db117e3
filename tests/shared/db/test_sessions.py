"""A session is read to its end page by page, and cancelled once."""

import pytest

from shared.db import credits, images, sessions, views
from shared.db.image_states import OPTIMISE
from shared.errors import ImageError, NotFoundError
from shared.services import Services
from tests.support.making import accept, make_account, make_batch, make_result


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
    with pytest.raises(NotFoundError):
        sessions.delete(unit.database, stranger.id, "s")


def test_cancelling_gives_back_what_has_not_ended(unit: Services) -> None:
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


def test_cancelling_twice_changes_nothing_more(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["a.png", "b.png"], session="s"))
    sessions.delete(unit.database, account.id, "s")
    sessions.delete(unit.database, account.id, "s")
    page = views.view_session(unit.database, account.id, "s", after_number=0, limit=10)
    assert page.progress.cancelled == 2


def test_a_reader_comes_to_an_end_where_the_newest_images_are_forgotten(unit: Services) -> None:
    account, _ = make_account(unit)
    newest = make_batch(unit, account, session="s")
    end(unit, accept(unit, make_batch(unit, account, session="s"))[0])
    end(unit, accept(unit, newest)[0])
    with unit.database.transaction() as connection:
        connection.execute("DELETE FROM batches WHERE id = %s", (newest.id,))
    page = views.view_session(unit.database, account.id, "s", after_number=1, limit=10)
    assert page.complete
