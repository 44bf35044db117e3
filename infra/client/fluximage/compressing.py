"""`Client.compress`: batches made, sent and followed on threads, in one thread's hands.

Threads measure files, send batches and read the session (jobs.py). The thread that reads the
results takes their outcomes one at a time; it alone changes state and writes the journal. A file
is read when its turn comes, and at most _MAX_OPEN batches are on their way: memory does not grow
with the number of files.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fluximage.answers import Batch, Image, ImageFailure, Notice, usage
from fluximage.backoff import Stopped
from fluximage.calls import Calls
from fluximage.errors import ApiError, BadRequest, FluximageError, Temporary
from fluximage.grouping import Group, Pace
from fluximage.jobs import Jobs, Outcome
from fluximage.journal import MEMORY, Journal, Written, content_of
from fluximage.open_batch import OpenBatch
from fluximage.options import Options
from fluximage.posting import post
from fluximage.results import Done, Failed, Result
from fluximage.session_reader import Reading, SessionReader, about, raised
from fluximage.sources import Source
from fluximage.strangers import Strangers
from fluximage.upload import (
    MAX_FILE_BYTES,
    MAX_FILES,
    Measured,
    SourceFailed,
    UploadBroken,
    facts,
    measure,
    unreadable,
)

_MAX_SENDING = 2  # one waits for the service's answer while the other uploads
_MAX_OPEN = 10  # batches without all results: 200 images keep many workers busy
_CANCELLED = 409
_TOO_LARGE = 413  # a proxy's limit on a body, mostly


@dataclass(frozen=True, slots=True)
class Plan:
    """What `Client.compress` was asked."""

    options: Options
    session_id: str | None
    journal: Journal | None
    on_upload: Callable[[int], None] | None


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
        self._strangers = Strangers()
        self._spots: dict[tuple[str, str], tuple[OpenBatch, int]] = {}  # of resumed batches
        self._measuring = 0
        self._exhausted = False
        self._error: FluximageError | None = None
        self._left: int | None = None
        self._group = Group(0)
        session_id, new = plan.session_id, False
        if not session_id:
            session_id, new = self._journal.session(self._settings)
        self._session = SessionReader(
            calls, self._jobs, session_id, Reading(self._ended, self._notices, self._all_read)
        )
        self._is_new = new

    def close(self) -> None:
        """Stops what is on its way; the journal keeps it."""
        self._jobs.stop.set()
        if self._plan.journal is None:
            self._journal.close()

    def results(self) -> Iterator[Result]:
        """Yields each result; raises the first error once what was accepted has ended."""
        self._left = self._left_of_plan()
        yield from self._resume()
        while True:
            while self._may_begin():
                yield from self._begin()
            if self._count_pending():
                self._session.follow()
            elif not self._sending and not self._measuring:
                break
            yield from self._jobs.take()
        if self._error:
            raise self._error
        if not self._plan.session_id:
            self._journal.finish(self._settings)

    def _left_of_plan(self) -> int | None:
        """Images that the plan still has, so that the last batch fits; None without a limit."""
        try:
            left = usage(self._calls.ask("GET", "/api/usage", stop=self._jobs.stop)[1])
        except ApiError:  # a key may be for compressing alone
            return None
        options = self._plan.options
        if not (options.alt_text or options.rename):
            return left.images_left
        ai = max(0, left.ia_credits_remaining)
        return ai if left.images_left is None else min(ai, left.images_left)

    def _count_pending(self) -> int:
        return sum(1 for batch in self._open.values() if batch.pending)

    # -- what an earlier call left open

    def _resume(self) -> Iterator[Result]:
        """Takes up the batches of the journal, and reads the session up to now."""
        for written in self._journal.open_batches(self._settings):
            batch = OpenBatch(written, {}, resumed=True)
            for index, source in enumerate(written.sources):
                self._spots[source.content, source.name] = batch, index
            if written.batch_id:
                self._open[written.batch_id] = batch
        if not self._is_new:
            yield from self._session.catch_up()

    def _meet(self, source: Source, spot: tuple[OpenBatch, int]) -> Iterator[Result]:
        """This call has been given a source of a batch that an earlier call left open."""
        batch, index = spot
        accepted = batch.batch_id is not None
        if accepted and not _is_same(source, batch.written.sources[index]):
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
                self._open.pop(batch.batch_id or "", None)
            elif batch.batch_id:
                self._close_if_finished(batch)
            else:  # its key stands for all of its sources, so these need another
                self._again.append([*batch.sources.values()])
                self._journal.close_batch(self._settings, batch.written.number)

    def _lost(self, batch: OpenBatch) -> Iterator[Result]:
        """The service has no results of this batch: its session or the results were deleted."""
        pending = sorted(batch.pending)
        self._open.pop(batch.batch_id or "", None)
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
        if self._left == 0 and sending:
            return False  # else this batch, which the plan refuses, might take the place of another
        return sending < _MAX_SENDING and sending + self._count_pending() < _MAX_OPEN

    def _begin(self) -> Iterator[Result]:
        """Collects the sources of the next batch; yields those that need no upload."""
        if self._again:
            self._measure(self._again.popleft())
            return
        self._group = Group(self._pace.batch_bytes, self._left or MAX_FILES)
        while not self._group.is_full:
            source = next(self._sources, None)
            if source is None:
                self._end_of_sources()
                break
            yield from self._sort(source)
        if self._group.sources:
            if self._left is not None:
                self._left = max(0, self._left - len(self._group.sources))
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
            if found and _is_same(source, found[0]):
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

        self._jobs.start(job, _raising)

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
            written = self._journal.begin(self._settings, self._session.session_id, files)
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
        batch.batch_id = answer.batch_id
        self._open[answer.batch_id] = batch
        batch.registered_at = self._session.reads
        batch.notices = tuple(notice for notice in answer.warnings if notice.index is None)
        early = self._strangers.take(answer.batch_id)
        self._answered(batch)
        ended_images: tuple[Image | ImageFailure, ...] = (*answer.images, *answer.errors)
        for ended in ended_images:
            of_it = (notice for notice in answer.warnings if notice.index == ended.index)
            yield from self._give(batch, ended, tuple(of_it))
        for ended, notices in early:
            yield from self._give(batch, ended, notices)

    def _answered(self, batch: OpenBatch) -> None:
        del self._sending[batch.written.number]
        self._strangers.answered(batch.written.number)

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

    # -- results

    def _ended(self, ended: Image | ImageFailure, notices: tuple[Notice, ...]) -> Iterator[Result]:
        if batch := self._open.get(ended.batch_id):
            yield from self._give(batch, ended, notices)
        else:
            self._strangers.keep(ended, notices, self._sending)

    def _notices(self, notices: Sequence[Notice]) -> None:
        """A batch of an earlier call had no answer in this one that said its warnings."""
        for batch_id, batch in self._open.items():
            if batch.resumed:
                batch.notices = tuple(n for n in notices if about(n) == (batch_id, None))

    def _all_read(self, read: int) -> Iterator[Result]:
        for batch in [*self._open.values()]:
            if batch.pending and batch.registered_at < read:
                yield from self._lost(batch)

    def _give(
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
            self._open.pop(batch.batch_id or "", None)
            self._journal.close_batch(self._settings, batch.written.number, batch.done)


def _is_same(source: Source, written: Written) -> bool:
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


def _raising(error: Exception) -> Outcome[Result]:
    return partial(raised, error)
