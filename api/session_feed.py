"""The newest events of a session, read once for all who listen to it in this process."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from shared.errors import UnavailableError

# A link in an event is as old as its event, so events are kept for those who listen now.
_KEPT_SECONDS = 10.0
_KEPT_EVENTS = 500
# How old what was read may be while no notification came: long while they come, since one is lost
# only when its publisher cannot reach Redis.
_REREAD_SECONDS = 15.0
_REREAD_WITHOUT_NEWS_SECONDS = 3.0
# The end of a session is news for as long: a batch that opens it again is not notified.
_END_SECONDS = 1.0
_PAUSE_SECONDS = 1.0  # after a read that failed


@dataclass(frozen=True)
class Event:
    """An image that ended: its place in the order of ending, and what is sent."""

    number: int
    text: bytes


@dataclass(frozen=True)
class EventPage:
    """What follows a number: the events in their order, the number of the last image that was read,
    whether there is more to read, and, where the session has ended, its last event.
    """

    events: tuple[Event, ...]
    last_number: int
    more: bool = False
    end: bytes | None = None


Read = Callable[[int], EventPage]


class SessionFeed:
    """The events of one session. Most who listen are at the same one, and share its read."""

    def __init__(self) -> None:
        """Empty; the first who reads begins it."""
        self._lock = threading.Lock()
        self._kept: deque[tuple[float, Event]] = deque()
        self._start = 0  # events after this number are kept
        self._page = EventPage((), -1)  # the newest that was read
        self._version = -1
        self._read_at = 0.0
        self._failed_at = -_PAUSE_SECONDS

    def page_after(self, number: int, version: int, read: Read, *, news: bool) -> EventPage:
        """The events after `number`, as of the notification with the count `version` or later.

        read: reads a page anew. news: whether notifications come. Raises what `read` raises.
        """
        with self._lock:
            self._drop_old()
            last = self._page.last_number
            if number > last:
                self._kept.clear()
                self._start = number
                self._page = EventPage((), number)
                self._read_on(version, read)
            elif number == last and self._is_due(version, news=news):
                self._read_on(version, read)
            if number >= self._start:
                return self._since(number, version)
        return read(number)  # behind all others

    def _is_due(self, version: int, *, news: bool) -> bool:
        allowed = _REREAD_SECONDS if news else _REREAD_WITHOUT_NEWS_SECONDS
        age = time.monotonic() - self._read_at
        return (
            self._page.more
            or version > self._version
            or age > (_END_SECONDS if self._page.end else allowed)
        )

    def _read_on(self, version: int, read: Read) -> None:
        if time.monotonic() - self._failed_at < _PAUSE_SECONDS:
            raise UnavailableError("the session could not be read a moment ago")
        try:
            page = read(self._page.last_number)
        except UnavailableError:
            self._failed_at = time.monotonic()
            raise
        self._page, self._version, self._read_at = page, version, time.monotonic()
        self._kept.extend((self._read_at, event) for event in page.events)

    def _since(self, number: int, version: int) -> EventPage:
        events = tuple(event for _, event in self._kept if event.number > number)
        if number == self._page.last_number or version <= self._version:
            return replace(self._page, events=events)
        return EventPage(events, self._page.last_number, more=True)  # and the news after them

    def _drop_old(self) -> None:
        oldest = time.monotonic() - _KEPT_SECONDS
        while self._kept and (self._kept[0][0] < oldest or len(self._kept) > _KEPT_EVENTS):
            _, event = self._kept.popleft()
            self._start = event.number


class Feeds:
    """The feeds of this process, each for as long as somebody listens."""

    def __init__(self) -> None:
        """None yet."""
        self._feeds: dict[UUID, tuple[SessionFeed, int]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, session_id: UUID) -> Iterator[SessionFeed]:
        """The feed of the session."""
        with self._lock:
            feed, listeners = self._feeds.get(session_id, (SessionFeed(), 0))
            self._feeds[session_id] = feed, listeners + 1
        try:
            yield feed
        finally:
            with self._lock:
                feed, listeners = self._feeds.pop(session_id)
                if listeners > 1:
                    self._feeds[session_id] = feed, listeners - 1
