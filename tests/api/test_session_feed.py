"""A session is read once for all who listen, and each of them gets all that follows."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from api import session_feed
from api.session_feed import Event, EventPage, Feeds, SessionFeed
from shared.errors import UnavailableError


class Session:
    """A session with that many ended images, of which a page has ten; counts its reads."""

    def __init__(self, ended: int = 0) -> None:
        self.ended = ended
        self.reads: list[int] = []
        self.down = False

    def read(self, number: int) -> EventPage:
        self.reads.append(number)
        if self.down:
            raise UnavailableError("down")
        last = min(self.ended, number + 10)
        events = tuple(Event(n, b"%d" % n) for n in range(number + 1, last + 1))
        return EventPage(events, max(last, number), more=len(events) == 10)


def numbers(page: EventPage) -> list[int]:
    return [event.number for event in page.events]


def all_after(feed: SessionFeed, session: Session, number: int, version: int) -> list[int]:
    """What somebody hears who listens until there is no more."""
    heard: list[int] = []
    while True:
        page = feed.page_after(number, version, session.read, news=True)
        heard += numbers(page)
        number = page.last_number
        if not page.more:
            return heard


def test_a_notification_is_one_read_for_all_who_are_at_the_same_event() -> None:
    feed, session = SessionFeed(), Session(3)
    for version in (1, 2, 3):
        session.ended += 1
        with ThreadPoolExecutor(20) as pool:
            after = 2 + version
            heard = pool.map(
                all_after, [feed] * 100, [session] * 100, [after] * 100, [version] * 100
            )
            assert list(heard) == [[3 + version]] * 100
    assert session.reads == [3, 4, 5]


def test_who_is_behind_reads_alone_and_misses_nothing() -> None:
    feed, session = SessionFeed(), Session(35)
    assert all_after(feed, session, 30, 1) == [31, 32, 33, 34, 35]
    assert all_after(feed, session, 0, 1) == list(range(1, 36))
    session.reads.clear()
    session.ended = 36
    assert all_after(feed, session, 35, 2) == [36]
    assert session.reads == [35]  # the one behind has not taken the feed back


def test_who_is_a_little_behind_gets_what_is_kept_and_then_the_news() -> None:
    feed, session = SessionFeed(), Session(5)
    all_after(feed, session, 0, 1)
    session.ended = 7
    assert all_after(feed, session, 3, 2) == [4, 5, 6, 7]
    assert session.reads == [0, 5]


def test_a_read_that_failed_is_not_repeated_by_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, session = SessionFeed(), Session(1)
    session.down = True
    for _ in range(100):
        with pytest.raises(UnavailableError):
            feed.page_after(0, 1, session.read, news=True)
    assert len(session.reads) == 1
    session.down = False
    monkeypatch.setattr(session_feed, "_PAUSE_SECONDS", 0.0)
    assert all_after(feed, session, 0, 1) == [1]


def test_a_feed_lasts_as_long_as_somebody_listens() -> None:
    feeds, session = Feeds(), uuid4()
    with feeds.of(session) as first:
        with feeds.of(session) as second:
            assert first is second
        with feeds.of(session) as third:
            assert first is third
    with feeds.of(session) as fourth:
        assert fourth is not first
