"""The list of an account's sessions: newest first, page by page, with what is open counted."""

from shared.db import images, sessions, views
from shared.db.image_states import OPTIMISE
from shared.db.session_list import Place, SessionSummary, newest_sessions
from shared.errors import ImageError
from shared.services import Services
from tests.support.making import accept, make_account, make_batch, make_result


def listed(services: Services, account_id: int, limit: int = 10) -> list[SessionSummary]:
    """All pages of the list."""
    found: list[SessionSummary] = []
    after: Place | None = None
    while True:
        page, after = newest_sessions(services.database, account_id, after=after, limit=limit)
        assert len(page) <= limit
        found += page
        if after is None:
            return found


def test_the_newest_session_is_first_on_every_size_of_page(unit: Services) -> None:
    account, stranger = make_account(unit)[0], make_account(unit)[0]
    accept(unit, make_batch(unit, stranger, session="not-ours"))
    names = [f"s{n}" for n in range(5)]
    for name in names:
        accept(unit, make_batch(unit, account, session=name))
    for limit in (1, 2, 5, 6):
        assert [session.name for session in listed(unit, account.id, limit)] == names[::-1]


def test_sessions_of_one_moment_are_each_listed_once(unit: Services) -> None:
    account, _ = make_account(unit)
    for name in ("b", "A", "a", "c"):
        accept(unit, make_batch(unit, account, session=name))
    with unit.database.transaction() as connection:
        connection.execute("UPDATE sessions SET created_at = now()")
    found = [session.name for session in listed(unit, account.id, limit=1)]
    assert sorted(found) == ["A", "a", "b", "c"]


def test_a_page_goes_on_where_its_last_session_is_gone(unit: Services) -> None:
    account, _ = make_account(unit)
    for name in "abc":
        accept(unit, make_batch(unit, account, session=name))
    _, after = newest_sessions(unit.database, account.id, after=None, limit=1)
    with unit.database.transaction() as connection:
        connection.execute("DELETE FROM sessions WHERE name = 'c'")
    page, _ = newest_sessions(unit.database, account.id, after=after, limit=9)
    assert [session.name for session in page] == ["b", "a"]


def test_the_list_says_the_same_as_each_sessions_page(unit: Services) -> None:
    account, _ = make_account(unit)
    ids = accept(unit, make_batch(unit, account, ["a.png"] * 4, session="mixed"))
    for image_id, well in zip(ids, (True, False, None), strict=False):
        claim = images.claim(unit.database, OPTIMISE, image_id, 60)
        assert claim
        if well:
            images.complete(unit.database, claim, make_result())
        elif well is False:
            images.fail(unit.database, claim, ImageError("broken"))
    for name, end_it in (("cancelled", sessions.cancel), ("deleted", sessions.delete)):
        accept(unit, make_batch(unit, account, session=name))
        end_it(unit.database, account.id, name)
    accept(unit, make_batch(unit, account, session="new"))
    found = listed(unit, account.id)
    assert [(session.name, session.status) for session in found] == [
        ("new", "queued"),
        ("deleted", "cancelled"),
        ("cancelled", "completed"),
        ("mixed", "processing"),
    ]
    for session in found:
        page = views.view_session(unit.database, account.id, session.name, after_number=0, limit=1)
        assert (session.status, session.progress) == (page.status, page.progress)
