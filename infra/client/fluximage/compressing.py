"""`Client.compress`: batches made, sent and followed on threads, in one thread's hands.

Threads measure files, send batches and read the session (jobs.py). The thread that reads the
results takes their outcomes one at a time; it alone changes state and writes the journal. A file
is read when its turn comes, and at most _MAX_OPEN batches are on their way: memory does not grow
with the number of files.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fluximage.answers import Batch, Event, Image, ImageFailure, Notice, SessionPage, session_page
from fluximage.backoff import Stopped
from fluximage.calls import Calls
from fluximage.errors import BadRequest, FluximageError, NotFound, Temporary
from fluximage.following import listen
from fluximage.grouping import Group, Pace
from fluximage.jobs import Jobs, Outcome
from fluximage.journal import MEMORY, Journal, Written, content_of
from fluximage.open_batch import OpenBatch
from fluximage.options import Options
from fluximage.posting import post
from fluximage.results import Done, Failed, Result
from fluximage.sources import Source
from fluximage.upload import (
    MAX_FILE_BYTES,
    Measured,
    SourceFailed,
    UploadBroken,
    facts,
    measure,
    unreadable,
)

_MAX_SENDING = 2  # one waits for the service's answer while the other uploads
_MAX_OPEN = 10  # batches without all results: 200 images keep many workers busy
_PAGE_IMAGES = 1000
_WAIT_SECONDS = 20  # of a poll; it answers as soon as something ended
_MAX_EVENTS = 100  # that wait for the caller; then the service does
_PAUSE_SECONDS = 0.3  # between polls that found something: at most 200 a minute
_CANCELLED = 409
_TOO_LARGE = 413  # a proxy's limit on a body, mostly


@dataclass(frozen=True, slots=True)
class Plan:
    """What `Client.compress` was asked."""

    options: Options
    session_id: str | None
    journal: Journal | None
    on_upload: Callable[[int], None] | None


@dataclass(slots=True)
class _Stranger:
    """Results of a batch whose own answer has not arrived yet, if it is one of ours.

    sending: the batches that may be it; once all of them have answered, it was not.
    """

    ended: list[tuple[Image | ImageFailure, tuple[Notice, ...]]]
    sending: set[int]


class Compressing:
    """One run of `Client.compress`."""

    def __init__(self, calls: Calls, plan: Plan, sources: Iterator[Source]) -> None:
        self._calls = calls
        self._plan = plan
        self._sources = sources
        self._journal = plan.journal or Journal(MEMORY)
        self._settings = f"{calls.url} {plan.session_id or ''} {plan.options.fingerprint()}"
        self._jobs: Jobs[Result] = Jobs()
        self._pace = Pace()
        self._again: deque[list[Source]] = deque()  # groups whose batch was refused for one file
        self._open: dict[str, OpenBatch] = {}  # accepted ones, by the service's id
        self._sending: dict[int, OpenBatch] = {}  # by the journal's number
        self._strangers: dict[str, _Stranger] = {}
        self._spots: dict[tuple[str, str], tuple[OpenBatch, int]] = {}  # of resumed batches
        self._measuring = 0
        self._exhausted = False
        self._error: FluximageError | None = None
        self._cursor: str | None = None
        self._polls = 0
        self._following = False
        self._listens = True
        self._poll_next = False
        self._room = threading.Semaphore(_MAX_EVENTS)
        self._pause = False
        self._session_id = ""
        self._group = Group(0)

    def close(self) -> None:
        """Stops what is on its way; the journal keeps it."""
        self._jobs.stop.set()
        if self._plan.journal is None:
            self._journal.close()

    def results(self) -> Iterator[Result]:
        """Yields each result; raises the first error once what was accepted has ended."""
        yield from self._resume()
        while True:
            while self._may_begin():
                yield from self._begin()
            self._follow()
            if not self._sending and not self._measuring and not self._count_pending():
                break
            yield from self._jobs.take()
        if self._error:
            raise self._error
        if not self._plan.session_id:
            self._journal.finish(self._settings)

    def _count_pending(self) -> int:
        return sum(1 for batch in self._open.values() if batch.pending)

    # -- what an earlier call left open

    def _resume(self) -> Iterator[Result]:
        """Takes up the batches of the journal, and reads the session up to now."""
        if self._plan.session_id:
            self._session_id, new = self._plan.session_id, False
        else:
            self._session_id, new = self._journal.session(self._settings)
        for written in self._journal.open_batches(self._settings):
            batch = OpenBatch(written, {}, resumed=True)
            for index, source in enumerate(written.sources):
                self._spots[source.content, source.name] = batch, index
            if written.batch_id:
                self._open[written.batch_id] = batch
        while not new:
            try:
                page = self._page(0)
            except NotFound:  # nothing was accepted
                self._cursor, new = None, True
                page = None
            if page:
                yield from self._take_page(page, self._polls + 1)
                new = len(page.images) + len(page.errors) < _PAGE_IMAGES
        if not self._cursor:
            for batch in [*self._open.values()]:
                yield from self._lost(batch)

    def _page(self, wait_seconds: int) -> SessionPage:
        params: dict[str, str | int] = {"limit": _PAGE_IMAGES}
        params |= {"cursor": self._cursor} if self._cursor else {}
        params |= {"wait": wait_seconds} if wait_seconds else {}
        path = f"/api/sessions/{self._session_id}"
        _, body = self._calls.ask("GET", path, params=params, stop=self._jobs.stop)
        return session_page(body, self._cursor)

    def _meet(self, source: Source, spot: tuple[OpenBatch, int]) -> Iterator[Result]:
        """This call has been given a source of a batch that an earlier call left open."""
        batch, index = spot
        accepted = batch.written.batch_id is not None
        if accepted and not is_same(source, batch.written.sources[index]):
            batch.forget(index)
            self._close_if_finished(batch)
            self._group.add(source)
            return
        batch.sources[index] = source
        if result := batch.held.pop(index, None):
            yield from self._yield(batch, index, self._with_source(result, source))
        elif not accepted and len(batch.sources) == len(batch.written.sources):
            self._measure(list(map(batch.sources.__getitem__, sorted(batch.sources))), batch)

    @staticmethod
    def _with_source(result: Result, source: Source) -> Result:
        if isinstance(result, Done):
            return Done(source, result.image, result.warnings)
        return Failed(source, result.code, result.message)

    def _end_of_sources(self) -> None:
        """Of a batch that an earlier call left open, only what this call was given is wanted.

        One of which it was given nothing stays as it is, for another call.
        """
        self._exhausted = True
        partly = {batch.written.number: batch for batch, _ in self._spots.values()}
        for batch, index in self._spots.values():
            batch.forget(index)
        self._spots.clear()
        for batch in partly.values():
            if not batch.sources:
                self._open.pop(batch.written.batch_id or "", None)
            elif batch.written.batch_id:
                self._close_if_finished(batch)
            else:  # its key stands for all of its sources, so these need another
                self._again.append([*batch.sources.values()])
                self._journal.close_batch(self._settings, batch.written.number)

    def _lost(self, batch: OpenBatch) -> Iterator[Result]:
        """The service has no results of this batch: its session or the results were deleted."""
        pending = sorted(batch.pending)
        self._open.pop(batch.written.batch_id or "", None)
        batch.pending.clear()
        if batch.resumed:
            for index in pending:
                source = batch.written.sources[index]
                self._spots.pop((source.content, source.name), None)
            again = [batch.sources[index] for index in pending if index in batch.sources]
            if again:
                self._again.append(again)
        else:
            for index in pending:
                message = "The service has deleted this image's session"
                failed = Failed(batch.sources[index], "not_found", message)
                yield from self._yield(batch, index, failed)
        self._close_if_finished(batch)

    # -- making batches

    def _may_begin(self) -> bool:
        if self._error or (self._exhausted and not self._again):
            return False
        sending = len(self._sending) + self._measuring
        return sending < _MAX_SENDING and sending + self._count_pending() < _MAX_OPEN

    def _begin(self) -> Iterator[Result]:
        """Collects the sources of the next batch; yields those that need no upload."""
        if self._again:
            self._measure(self._again.popleft())
            return
        self._group = Group(self._pace.batch_bytes)
        while not self._group.is_full:
            source = next(self._sources, None)
            if source is None:
                self._end_of_sources()
                break
            yield from self._sort(source)
        if self._group.sources:
            self._measure(self._group.sources)

    def _sort(self, source: Source) -> Iterator[Result]:
        try:
            size, _ = facts(source)
        except OSError as error:
            yield _failed(unreadable(source, error))
            return
        if self._journal.keeps:
            content = content_of(source)
            found = self._journal.done(self._settings, content, source)
            if found and is_same(source, found[0]):
                yield found[1]
                return
            if spot := self._spots.pop((content, source.name), None):
                yield from self._meet(source, spot)
                return
        self._group.add(source, min(size, MAX_FILE_BYTES))

    def _measure(self, group: Sequence[Source], batch: OpenBatch | None = None) -> None:
        self._measuring += 1

        def job() -> Outcome[Result]:
            files, failures = [], []
            for source in group:
                try:
                    files.append(measure(source))
                except SourceFailed as error:
                    failures.append(error)
            return partial(self._on_measured, files, failures, batch)

        self._jobs.start(job, self._raise)

    def _on_measured(
        self, files: Sequence[Measured], failures: Sequence[SourceFailed], batch: OpenBatch | None
    ) -> Iterator[Result]:
        self._measuring -= 1
        if batch:
            expected = [source.sha256 for source in batch.written.sources]
            if [file.sha256 for file in files] == expected:
                self._send(batch, files)
                return
            self._journal.close_batch(self._settings, batch.written.number)
        if files and not self._error:
            written = self._journal.begin(self._settings, self._session_id, files)
            sources = {index: file.source for index, file in enumerate(files)}
            self._send(OpenBatch(written, sources), files)
        yield from map(_failed, failures)

    # -- sending

    def _send(self, batch: OpenBatch, files: Sequence[Measured]) -> None:
        self._sending[batch.written.number] = batch
        size = sum(file.size for file in files)

        def job() -> Outcome[Result]:
            started = time.monotonic()
            answer = post(
                self._calls,
                files,
                self._plan.options,
                session_id=batch.written.session_id,
                idempotency_key=batch.written.key,
                on_upload=self._plan.on_upload,
                stop=self._jobs.stop,
            )
            self._pace.sent(size, time.monotonic() - started)
            return partial(self._on_accepted, batch, answer)

        self._jobs.start(job, partial(self._refused, batch))

    def _on_accepted(self, batch: OpenBatch, answer: Batch) -> Iterator[Result]:
        self._journal.accepted(batch.written.number, answer.batch_id)
        self._open[answer.batch_id] = batch
        batch.registered_at = self._polls
        batch.notices = tuple(notice for notice in answer.warnings if notice.index is None)
        early = self._strangers.pop(answer.batch_id, None)
        self._answered(batch)
        ended_images: tuple[Image | ImageFailure, ...] = (*answer.images, *answer.errors)
        for ended in ended_images:
            notices = _notices(answer.warnings, answer.batch_id, ended.index)
            yield from self._ended(batch, ended, notices)
        for ended, notices in early.ended if early else ():
            yield from self._ended(batch, ended, notices)

    def _answered(self, batch: OpenBatch) -> None:
        """The batch is known or refused now: a stranger that waited for it alone is not ours."""
        number = batch.written.number
        del self._sending[number]
        for batch_id, stranger in [*self._strangers.items()]:
            stranger.sending.discard(number)
            if not stranger.sending:
                del self._strangers[batch_id]

    def _refused(self, batch: OpenBatch, error: Exception) -> Outcome[Result]:
        return partial(self._on_refused, batch, error)

    def _on_refused(self, batch: OpenBatch, error: Exception) -> Iterator[Result]:
        self._answered(batch)
        sources = [batch.sources[index] for index in sorted(batch.sources)]
        if isinstance(error, SourceFailed):
            culprit = error.source
            failed = _failed(error)
        elif (found := _too_large(error, sources)) and len(found) == 1:
            culprit = found[0]
            failed = Failed(culprit, "file_too_large", str(error))
        elif found:
            self._pace.broke()
            half = len(found) // 2
            self._again.extend((found[:half], found[half:]))
            self._journal.close_batch(self._settings, batch.written.number)
            return
        else:
            self._fail(batch, error)
            return
        if rest := [source for source in sources if source is not culprit]:
            self._again.append(rest)
        self._journal.close_batch(self._settings, batch.written.number)
        yield failed

    def _fail(self, batch: OpenBatch, error: Exception) -> None:
        """No further batch is begun; what was accepted is waited for."""
        if not isinstance(error, FluximageError):
            raise error
        if not isinstance(error, Temporary | Stopped):
            # A refusal is not remembered. After a lost answer the batch may be accepted.
            self._journal.close_batch(self._settings, batch.written.number)
            if error.status == _CANCELLED and not self._plan.session_id:
                self._journal.forget(self._settings)
        self._error = self._error or error

    # -- following

    def _follow(self) -> None:
        if self._following or not self._count_pending():
            return
        self._following = True
        self._polls += 1
        if self._listens and not self._poll_next:
            self._listen()
        else:
            self._poll()

    def _listen(self) -> None:
        """Follows the session's events until its end; where that fails, polls follow."""

        def job() -> Outcome[Result]:
            heard = False
            try:
                for event in listen(self._calls, self._session_id, cursor, self._jobs.stop):
                    while not self._room.acquire(timeout=1):
                        if self._jobs.stop.is_set():
                            raise Stopped("The results are no longer read")
                    self._jobs.give(partial(self._on_event, event))
                    heard = True
            except FluximageError:
                return partial(self._on_stream_end, heard=heard, ended=False)
            return partial(self._on_stream_end, heard=heard, ended=True)

        cursor = self._cursor
        self._jobs.start(job, self._raise)

    def _on_event(self, event: Event) -> Iterator[Result]:
        self._room.release()
        self._cursor = event.cursor
        if ended := event.image or event.error:
            yield from self._take_ended(ended, event.warnings)

    def _on_stream_end(self, *, heard: bool, ended: bool) -> Iterator[Result]:
        """After the session's end a poll finds what it has no results of."""
        self._following = False
        self._poll_next = ended
        self._listens = heard or ended  # this service, or what is before it, has no events
        yield from ()

    def _poll(self) -> None:
        pause = _PAUSE_SECONDS if self._pause else 0

        def job() -> Outcome[Result]:
            if self._jobs.stop.wait(pause):
                raise Stopped("The results are no longer read")
            return partial(self._on_page, self._page(_WAIT_SECONDS))

        self._jobs.start(job, self._raise)

    def _on_page(self, page: SessionPage) -> Iterator[Result]:
        self._following = self._poll_next = False
        self._pause = bool(page.images or page.errors)
        yield from self._take_page(page, self._polls)

    def _take_page(self, page: SessionPage, poll: int) -> Iterator[Result]:
        self._cursor = page.next_cursor or self._cursor
        ended_images: tuple[Image | ImageFailure, ...] = (*page.images, *page.errors)
        for batch_id, batch in self._open.items():
            if batch.resumed:  # it had no answer in this call
                batch.notices = _notices(page.warnings, batch_id, None)
        for ended in ended_images:
            yield from self._take_ended(ended, _notices(page.warnings, ended.batch_id, ended.index))
        if page.next_cursor is None:
            for batch in [*self._open.values()]:
                if batch.pending and batch.registered_at < poll:
                    yield from self._lost(batch)

    def _take_ended(
        self, ended: Image | ImageFailure, notices: tuple[Notice, ...]
    ) -> Iterator[Result]:
        if batch := self._open.get(ended.batch_id):
            yield from self._ended(batch, ended, notices)
        elif self._sending:
            stranger = _Stranger([], set(self._sending))
            self._strangers.setdefault(ended.batch_id, stranger).ended.append((ended, notices))

    def _ended(
        self, batch: OpenBatch, ended: Image | ImageFailure, notices: tuple[Notice, ...]
    ) -> Iterator[Result]:
        if ended.index not in batch.pending:
            return
        batch.pending.discard(ended.index)
        # A resumed batch's result may come before this call is given its source.
        source = batch.sources.get(ended.index) or Source(b"", ended.original_name)
        result: Result
        if isinstance(ended, Image):
            result = Done(source, ended, batch.notices + notices)
        else:
            result = Failed(source, ended.error, ended.message)
        if ended.index in batch.sources:
            yield from self._yield(batch, ended.index, result)
        else:
            batch.held[ended.index] = result

    def _yield(self, batch: OpenBatch, index: int, result: Result) -> Iterator[Result]:
        """Gives a result to the caller; the batch is closed when it has come back from the last."""
        batch.unseen += 1
        yield result
        batch.unseen -= 1
        if isinstance(result, Done):
            batch.done.append((batch.written.sources[index], result))
        self._close_if_finished(batch)

    def _close_if_finished(self, batch: OpenBatch) -> None:
        if batch.finished:
            self._open.pop(batch.written.batch_id or "", None)
            self._journal.close_batch(self._settings, batch.written.number, batch.done)

    def _raise(self, error: Exception) -> Outcome[Result]:
        def outcome() -> Iterator[Result]:
            raise error
            yield  # type: ignore[unreachable]  # makes it a generator

        return outcome


def is_same(source: Source, written: Written) -> bool:
    """Whether the source is as it was written down: its size and time, else its content."""
    try:
        if isinstance(source.content, bytes) or facts(source) == (written.size, written.mtime_ns):
            return True
        return facts(source)[0] == written.size and measure(source).sha256 == written.sha256
    except (OSError, SourceFailed):
        return False


def _too_large(error: Exception, sources: list[Source]) -> list[Source]:
    """The sources among which one is too large; none where the error is another one."""
    if isinstance(error, UploadBroken):
        return sources
    if not isinstance(error, BadRequest):
        return []
    if error.code == "file_too_large":
        named = [source for source in sources if source.name.rpartition("/")[2] in error.message]
        return named[:1] or sources
    return sources if error.status == _TOO_LARGE else []


def _failed(error: SourceFailed) -> Failed:
    return Failed(error.source, error.code, error.message)


def _notices(notices: Sequence[Notice], batch_id: str, index: int | None) -> tuple[Notice, ...]:
    return tuple(n for n in notices if n.index == index and n.batch_id == batch_id)
