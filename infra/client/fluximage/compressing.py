"""`Client.compress`: batches made, sent and followed on threads, in one thread's hands.

Threads measure files, send batches and read the session (jobs.py). The thread that reads the
results takes their outcomes one at a time; it alone changes state and writes the journal. A file
is read when its turn comes, and at most _MAX_OPEN batches are on their way: memory does not grow
with the number of files.

Where the line breaks while a batch is sent, fewer of its first files are sent under the same
Idempotency-Key. The service accepts one request under a key, so this one answers whether the
broken one was accepted: then it is told that batch's id, and otherwise the key is the smaller
batch's, and the other files can go under another key. A batch begins with its smallest files, so
that a file that is too large for the line keeps no other one back.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fluximage.answers import Batch, usage
from fluximage.backoff import Stopped
from fluximage.calls import Calls
from fluximage.errors import ApiError, BadRequest, FluximageError, KeyReused, Temporary
from fluximage.grouping import Group, Pace
from fluximage.jobs import Jobs, Outcome
from fluximage.journal import Journal, content_of
from fluximage.open_batch import OpenBatch
from fluximage.options import Options
from fluximage.posting import post
from fluximage.receiving import Receiving
from fluximage.results import Failed, Result
from fluximage.resuming import Resuming
from fluximage.session_reader import Reading, SessionReader, batch_so_far, raised
from fluximage.sources import Source
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
_LONE_BREAKS = 5  # of one file alone, between which others got through
_CANCELLED = 409
_TOO_LARGE = 413  # a proxy's limit on a body, mostly


@dataclass(frozen=True, slots=True)
class Plan:
    """What `Client.compress` was asked."""

    options: Options
    session_id: str | None
    journal: Journal
    on_upload: Callable[[int], None] | None


class Compressing:
    """One run of `Client.compress`."""

    def __init__(self, calls: Calls, plan: Plan, sources: Iterator[Source]) -> None:
        self._calls = calls
        self._plan = plan
        self._sources = sources
        self._journal = plan.journal
        self._settings = f"{calls.url} {plan.session_id or ''} {plan.options.fingerprint()}"
        self._jobs: Jobs[Result] = Jobs()
        self._pace = Pace()
        self._ready: deque[Source] = deque()  # for the next batch, before further sources
        self._receiving = Receiving(self._journal, self._settings, self._again)
        self._resuming = Resuming(
            self._journal, self._settings, self._receiving, self._again, self._resend
        )
        self._measuring = 0
        self._accepted = 0
        self._exhausted = False
        self._error: FluximageError | None = None
        self._left: int | None = None
        session_id, self._is_new = plan.session_id, False
        if not session_id:
            session_id, self._is_new = self._journal.session(self._settings)
        receiving = self._receiving
        self._session = SessionReader(
            calls,
            self._jobs,
            session_id,
            Reading(receiving.ended, receiving.notices, receiving.all_read),
        )

    def close(self) -> None:
        """Stops what is on its way; the journal keeps it."""
        self._jobs.stop.set()

    def results(self) -> Iterator[Result]:
        """Yields each result; raises the first error once what was accepted has ended."""
        self._left = self._left_of_plan()
        self._resuming.begin()
        if not self._is_new:
            yield from self._session.catch_up()
        while True:
            while self._may_begin():
                yield from self._begin()
            if self._receiving.pending:
                self._session.follow()
            elif not self._receiving.sending and not self._measuring:
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

    # -- making batches

    def _may_begin(self) -> bool:
        if self._error or (self._exhausted and not self._ready):
            return False
        sending = len(self._receiving.sending) + self._measuring
        if self._left == 0 and sending:
            return False  # else this batch, which the plan refuses, might take the place of another
        return sending < _MAX_SENDING and sending + self._receiving.pending < _MAX_OPEN

    def _begin(self) -> Iterator[Result]:
        """Collects the sources of the next batch; yields those that need no upload."""
        group = Group(self._pace.batch_bytes, self._left or MAX_FILES)
        while not group.is_full:
            if not self._ready and not self._exhausted:
                yield from self._fetch()
                continue
            if not self._ready or not group.takes(size := _size(self._ready[0])):
                break
            group.add(self._ready.popleft(), size)
        if group.sources:
            if self._left is not None:
                self._left = max(0, self._left - len(group.sources))
            self._measure(group.sources)

    def _fetch(self) -> Iterator[Result]:
        """Takes one more source; yields it, if it needs no upload."""
        source = next(self._sources, None)
        if source is None:
            self._exhausted = True
            self._resuming.end()
            return
        try:
            facts(source)
        except OSError as error:
            yield _failed(unreadable(source, error))
            return
        if self._journal.keeps:
            content = content_of(source)
            if done := self._resuming.done(source, content):
                yield done
                return
            if (results := self._resuming.meet(source, content)) is not None:
                yield from results
                return
        self._ready.append(source)

    def _again(self, batch: OpenBatch, sources: Sequence[Source]) -> None:
        """Sources of this batch go in another one."""
        self._ready.extend(sources)
        if self._left is not None and not batch.resumed:
            self._left += len(sources)
        if batch.unheard and self._plan.on_upload:
            self._plan.on_upload(-sum(map(_size, sources)))

    def _resend(self, batch: OpenBatch) -> None:
        self._measure(batch.in_order, batch)

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
        self, files: list[Measured], failures: Sequence[SourceFailed], batch: OpenBatch | None
    ) -> Iterator[Result]:
        self._measuring -= 1
        if batch:
            expected = [source.sha256 for source in batch.written.sources]
            if [file.sha256 for file in files] == expected:
                self._send(batch, files)
                return
            self._journal.close_batch(self._settings, batch.written.number)
        if files and not self._error:
            files.sort(key=lambda file: file.size)
            written = self._journal.begin(self._settings, self._session.session_id, files)
            sources = {index: file.source for index, file in enumerate(files)}
            self._send(OpenBatch(written, sources), files)
        yield from map(_failed, failures)

    # -- sending

    def _send(self, batch: OpenBatch, files: Sequence[Measured]) -> None:
        """Sends the first files of the batch, or all of them, under its key."""
        self._receiving.sending[batch.written.number] = batch
        lone = _LoneBreaks(lambda: self._accepted)

        def job() -> Outcome[Result]:
            started = time.monotonic()
            try:
                answer = post(
                    self._calls,
                    files,
                    self._plan.options,
                    session_id=batch.written.session_id,
                    idempotency_key=batch.written.key,
                    on_upload=self._plan.on_upload,
                    stop=self._jobs.stop,
                    gives_up=lambda: len(files) > 1 or lone.are_enough(),
                    own_connection=self._pace.has_broken,
                )
            except KeyReused as error:
                return partial(self._on_found, batch, self._found(batch, error))
            self._pace.sent(sum(file.size for file in files), time.monotonic() - started)
            return partial(self._on_accepted, batch, len(files), answer)

        self._jobs.start(job, partial(self._refused, batch, files))

    def _found(self, batch: OpenBatch, error: KeyReused) -> Batch:
        """The batch that an attempt made whose answer was lost, when fewer or more were sent."""
        if error.batch_id is None:
            raise error
        session_id = batch.written.session_id
        return batch_so_far(self._calls, session_id, error.batch_id, self._jobs.stop)

    def _on_accepted(self, batch: OpenBatch, count: int, answer: Batch) -> Iterator[Result]:
        """The service has accepted the first files, and never accepts more under this key."""
        self._journal.accepted(batch.written.number, answer.batch_id, count)
        self._again(batch, batch.shorten(count))
        yield from self._on_known(batch, answer)

    def _on_found(self, batch: OpenBatch, answer: Batch) -> Iterator[Result]:
        """It has accepted some of the first files; what has no result in the end goes again."""
        count = len(batch.written.sources)
        self._journal.accepted(batch.written.number, answer.batch_id, count)
        batch.resumed = batch.unheard = True
        if self._plan.on_upload:  # what the lost attempts had told was taken back
            self._plan.on_upload(sum(source.size for source in batch.written.sources))
        yield from self._on_known(batch, answer)

    def _on_known(self, batch: OpenBatch, answer: Batch) -> Iterator[Result]:
        self._accepted += 1
        batch.registered_at = self._session.reads
        yield from self._receiving.accepted(batch, answer)

    def _refused(
        self, batch: OpenBatch, files: Sequence[Measured], error: Exception
    ) -> Outcome[Result]:
        if isinstance(error, UploadBroken):
            return partial(self._on_broken, batch, files, error)
        return partial(self._on_refused, batch, len(files), error)

    def _on_broken(
        self, batch: OpenBatch, files: Sequence[Measured], error: UploadBroken
    ) -> Iterator[Result]:
        """Sends fewer files under the same key; those that were not accepted under it go again."""
        self._pace.broke(error.sent_bytes)
        if error.whole:
            batch.reach = max(batch.reach, len(files))
        if len(files) == 1:
            yield from self._on_too_large_for_line(batch, error)
            return
        count = self._pace.fitting([file.size for file in files])
        kept = max(batch.reach, count)
        if kept < len(batch.written.sources):
            self._journal.shorten(batch.written.number, kept)
            self._again(batch, batch.shorten(kept))
        self._send(batch, files[:count])

    def _on_too_large_for_line(self, batch: OpenBatch, error: UploadBroken) -> Iterator[Result]:
        """Its smallest file does not get through, while those of other batches do."""
        self._receiving.answered(batch)
        if not batch.reach:  # else another call sends it again, under its key
            self._journal.close_batch(self._settings, batch.written.number)
        for source in batch.in_order:
            yield Failed(source, error.code, error.message)

    def _on_refused(self, batch: OpenBatch, count: int, error: Exception) -> Iterator[Result]:
        self._receiving.answered(batch)
        sources = batch.in_order
        if isinstance(error, SourceFailed):
            culprit, failed = error.source, _failed(error)
        elif (found := _too_large(error, sources[:count])) and len(found) == 1:
            culprit = found[0]
            failed = Failed(culprit, "file_too_large", str(error))
        elif found:
            self._pace.broke(sum(map(_size, found)))
            self._again(batch, sources)
            self._journal.close_batch(self._settings, batch.written.number)
            return
        else:
            self._fail(batch, error)
            return
        self._again(batch, [source for source in sources if source is not culprit])
        self._journal.close_batch(self._settings, batch.written.number)
        yield failed

    def _fail(self, batch: OpenBatch, error: Exception) -> None:
        """No further batch is begun; what was accepted is waited for."""
        if not isinstance(error, FluximageError):
            raise error
        if not isinstance(error, Temporary | Stopped | KeyReused):
            # A refusal is not remembered. After a lost answer the batch may be accepted.
            self._journal.close_batch(self._settings, batch.written.number)
            if error.status == _CANCELLED and not self._plan.session_id:
                self._journal.forget(self._settings)
        self._error = self._error or error


class _LoneBreaks:
    """Counts the breaks of one file that say that the file is too large, not the line away."""

    def __init__(self, accepted: Callable[[], int]) -> None:
        self._accepted = accepted
        self._before = accepted()
        self._left = _LONE_BREAKS

    def are_enough(self) -> bool:
        """Counts one more, if another batch got through since the last one."""
        now = self._accepted()
        self._left -= now > self._before
        self._before = now
        return self._left <= 0


def _size(source: Source) -> int:
    try:
        return min(facts(source)[0], MAX_FILE_BYTES)
    except OSError:  # told when it is measured
        return 0


def _too_large(error: Exception, sources: list[Source]) -> list[Source]:
    """The sources among which one is too large; none where the error is another one."""
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
