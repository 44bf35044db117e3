"""Reading what has ended in a session: its events, or polls where there are none."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fluximage.answers import Batch, Event, Image, ImageFailure, Notice, SessionPage, session_page
from fluximage.backoff import Stopped
from fluximage.calls import Calls, session_path
from fluximage.errors import FluximageError, NotFound
from fluximage.following import listen
from fluximage.jobs import Jobs, Outcome
from fluximage.results import Result

_PAGE_IMAGES = 1000
_WAIT_SECONDS = 20  # of a poll; it answers as soon as something ended
_PAUSE_SECONDS = 0.3  # between polls that found something: at most 200 a minute
_MAX_EVENTS = 100  # that wait for the caller; then the service does


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader tells.

    ended: an image, with its warnings. notices: warnings of a page, those about whole batches
    too. all_read: nothing is open, and every result was read by the read of this number.
    """

    ended: Callable[[Image | ImageFailure, tuple[Notice, ...]], Iterator[Result]]
    notices: Callable[[Sequence[Notice]], None]
    all_read: Callable[[int], Iterator[Result]]


class SessionReader:
    """Reads one session onwards, one read at a time; `reads` counts them."""

    def __init__(self, calls: Calls, jobs: Jobs[Result], session_id: str, reading: Reading) -> None:
        self.session_id = session_id
        self.reads = 0
        self._calls = calls
        self._jobs = jobs
        self._reading = reading
        self._cursor: str | None = None
        self._following = False
        self._listens = True
        self._poll_next = False
        self._pauses = False
        self._room = threading.Semaphore(_MAX_EVENTS)

    def catch_up(self) -> Iterator[Result]:
        """Reads all that ended up to now."""
        self.reads += 1
        while True:
            try:
                page = self._page(0)
            except NotFound:  # nothing was accepted
                yield from self._reading.all_read(self.reads)
                return
            yield from self._take(page)
            if len(page.images) + len(page.errors) < _PAGE_IMAGES:
                return

    def follow(self) -> None:
        """Reads on, unless it does already."""
        if self._following:
            return
        self._following = True
        self.reads += 1
        if self._listens and not self._poll_next:
            self._jobs.start(partial(self._listen, self._cursor), self._raise)
        else:
            self._jobs.start(partial(self._poll, self._pauses), self._raise)

    def _listen(self, cursor: str | None) -> Outcome[Result]:
        """Follows the session's events until its end; where that fails, polls follow."""
        heard = False
        try:
            for event in listen(self._calls, self.session_id, cursor, self._jobs.stop):
                while not self._room.acquire(timeout=1):
                    if self._jobs.stop.is_set():
                        raise Stopped("The results are no longer read")
                self._jobs.give(partial(self._on_event, event))
                heard = True
        except FluximageError:
            return partial(self._on_stream_end, heard=heard, ended=False)
        return partial(self._on_stream_end, heard=heard, ended=True)

    def _on_event(self, event: Event) -> Iterator[Result]:
        self._room.release()
        self._cursor = event.cursor
        if ended := event.image or event.error:
            yield from self._reading.ended(ended, event.warnings)

    def _on_stream_end(self, *, heard: bool, ended: bool) -> Iterator[Result]:
        """After the session's end a poll says whether something has no result."""
        self._following = False
        self._poll_next = ended
        self._listens = heard or ended  # else this service, or what is before it, has no events
        yield from ()

    def _poll(self, pauses: bool) -> Outcome[Result]:
        if self._jobs.stop.wait(_PAUSE_SECONDS if pauses else 0):
            raise Stopped("The results are no longer read")
        return partial(self._on_page, self._page(_WAIT_SECONDS))

    def _page(self, wait_seconds: int) -> SessionPage:
        return _page(self._calls, self.session_id, self._cursor, wait_seconds, self._jobs.stop)

    def _on_page(self, page: SessionPage) -> Iterator[Result]:
        self._following = self._poll_next = False
        self._pauses = bool(page.images or page.errors)
        yield from self._take(page)

    def _take(self, page: SessionPage) -> Iterator[Result]:
        read = self.reads
        self._cursor = page.next_cursor or self._cursor
        self._reading.notices(page.warnings)
        ended_images: tuple[Image | ImageFailure, ...] = (*page.images, *page.errors)
        for ended in ended_images:
            of_it = (w for w in page.warnings if about(w) == (ended.batch_id, ended.index))
            yield from self._reading.ended(ended, tuple(of_it))
        if page.next_cursor is None:
            yield from self._reading.all_read(read)

    def _raise(self, error: Exception) -> Outcome[Result]:
        return partial(raised, error)


def _page(
    calls: Calls, session_id: str, cursor: str | None, wait_seconds: int, stop: threading.Event
) -> SessionPage:
    params: dict[str, str | int] = {"limit": _PAGE_IMAGES}
    params |= {"cursor": cursor} if cursor else {}
    params |= {"wait": wait_seconds} if wait_seconds else {}
    _, body = calls.ask("GET", session_path(session_id), params=params, stop=stop)
    return session_page(body, cursor)


def batch_so_far(calls: Calls, session_id: str, batch_id: str, stop: threading.Event) -> Batch:
    """Returns what has ended of one batch, from the pages of its session; empty without it."""
    images: list[Image] = []
    errors: list[ImageFailure] = []
    warnings: list[Notice] = []
    cursor: str | None = None
    while True:
        try:
            page = _page(calls, session_id, cursor, 0, stop)
        except NotFound:
            break
        images += (image for image in page.images if image.batch_id == batch_id)
        errors += (error for error in page.errors if error.batch_id == batch_id)
        warnings += (w for w in page.warnings if w.batch_id == batch_id and w not in warnings)
        if len(page.images) + len(page.errors) < _PAGE_IMAGES:
            break
        cursor = page.next_cursor
    return Batch(session_id, batch_id, "processing", tuple(images), tuple(errors), tuple(warnings))


def about(notice: Notice) -> tuple[str | None, int | None]:
    """Returns the batch and the index that a warning is about."""
    return notice.batch_id, notice.index


def raised(error: Exception) -> Iterator[Result]:
    """Raises the error of a job where its outcome is taken."""
    yield from ()
    raise error
