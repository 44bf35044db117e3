"""A batch is accepted whole into its session, under names that are unique there."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.db import sessions, views
from shared.errors import ConflictError
from shared.imagetype import ImageType
from shared.models import Options
from shared.services import Services
from tests.support.making import accept, make_account, make_batch


def names_in(services: Services, session: str) -> list[str]:
    with services.database.transaction() as connection:
        rows = connection.execute(
            "SELECT i.file_name FROM images i JOIN sessions s ON s.id = i.session_id"
            " WHERE s.name = %s ORDER BY i.created_at, i.index",
            (session,),
        ).fetchall()
    return [row["file_name"] for row in rows]


def test_a_name_given_twice_in_a_session_gets_a_number(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["cat.png", "cat.jpg"], session="s"))
    accept(unit, make_batch(unit, account, ["cat.gif"], session="s"))
    assert names_in(unit, "s") == ["cat.webp", "cat-2.webp", "cat-3.webp"]


def test_a_numbered_name_does_not_meet_an_original_of_that_name(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["cat-2.png", "cat.png", "cat.png"], session="s"))
    assert names_in(unit, "s") == ["cat-2.webp", "cat.webp", "cat-3.webp"]


def test_names_that_differ_only_in_case_do_not_meet(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["Cat.png", "cat.png"], session="s"))
    assert names_in(unit, "s") == ["Cat.webp", "cat-2.webp"]


def test_another_format_does_not_make_a_name_meet(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, ["cat.png"], session="s"))
    jpg = Options(format=ImageType.JPG)
    accept(unit, make_batch(unit, account, ["cat.png"], session="s", options=jpg))
    assert names_in(unit, "s") == ["cat.webp", "cat.jpg"]


def test_batches_that_race_into_one_session_keep_their_names_apart(unit: Services) -> None:
    account, _ = make_account(unit)
    made = [make_batch(unit, account, ["cat.png"] * 4, session="s") for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda batch: accept(unit, batch), made))
    assert len(set(names_in(unit, "s"))) == 40


def test_two_accounts_may_use_one_session_id(unit: Services) -> None:
    first, second = make_account(unit)[0], make_account(unit)[0]
    accept(unit, make_batch(unit, first, ["a.png"], session="s"))
    accept(unit, make_batch(unit, second, ["a.png"] * 2, session="s"))
    page = views.view_session(unit.database, second.id, "s", after_number=0, limit=10)
    assert page.progress.total == 2


def test_a_cancelled_session_takes_no_further_batch(unit: Services) -> None:
    account, _ = make_account(unit)
    accept(unit, make_batch(unit, account, session="s"))
    sessions.delete(unit.database, account.id, "s")
    with pytest.raises(ConflictError, match="cancelled"):
        accept(unit, make_batch(unit, account, session="s"))
