"""The batches that the service has accepted, and their results on the way to the caller."""

from collections.abc import Callable, Iterator, Sequence

from fluximage.answers import Batch, Image, ImageFailure, Notice
from fluximage.journal import Journal
from fluximage.open_batch import OpenBatch
from fluximage.results import Done, Failed, Result
from fluximage.session_reader import about
from fluximage.sources import Source
from fluximage.strangers import Strangers


class Receiving:
    """Gives each image of this call's batches to the caller once, and closes the batches.

    again: takes the sources that the service has no result of, after all.
    """

    def __init__(
        self,
        journal: Journal,
        settings: str,
        again: Callable[[OpenBatch, Sequence[Source]], None],
    ) -> None:
        self.open: dict[str, OpenBatch] = {}  # accepted ones, by the service's id
        self.sending: dict[int, OpenBatch] = {}  # by the journal's number
        self._journal = journal
        self._settings = settings
        self._again = again
        self._strangers = Strangers()

    @property
    def pending(self) -> int:
        """How many batches have not all of their results."""
        return sum(1 for batch in self.open.values() if batch.pending)

    def answered(self, batch: OpenBatch) -> None:
        """The batch is no longer being sent."""
        del self.sending[batch.written.number]
        self._strangers.answered(batch.written.number)

    def accepted(self, batch: OpenBatch, answer: Batch) -> Iterator[Result]:
        """The service has accepted the batch, and this is its state."""
        batch.batch_id = answer.batch_id
        self.open[answer.batch_id] = batch
        batch.notices = tuple(notice for notice in answer.warnings if notice.index is None)
        early = self._strangers.take(answer.batch_id)
        self.answered(batch)
        ended_images: tuple[Image | ImageFailure, ...] = (*answer.images, *answer.errors)
        for ended in ended_images:
            of_it = (notice for notice in answer.warnings if notice.index == ended.index)
            yield from self._give(batch, ended, tuple(of_it))
        for ended, notices in early:
            yield from self._give(batch, ended, notices)

    def ended(self, ended: Image | ImageFailure, notices: tuple[Notice, ...]) -> Iterator[Result]:
        """The session says that an image has ended."""
        if batch := self.open.get(ended.batch_id):
            yield from self._give(batch, ended, notices)
        else:
            self._strangers.keep(ended, notices, self.sending)

    def notices(self, notices: Sequence[Notice]) -> None:
        """A batch of an earlier call had no answer in this one that said its warnings."""
        for batch_id, batch in self.open.items():
            if batch.resumed:
                of_it = tuple(n for n in notices if about(n) == (batch_id, None))
                batch.notices = of_it or batch.notices

    def all_read(self, read: int) -> Iterator[Result]:
        """Nothing of the session is open, and this read has read all of it."""
        for batch in [*self.open.values()]:
            if batch.pending and batch.registered_at < read:
                yield from self._lost(batch)

    def _lost(self, batch: OpenBatch) -> Iterator[Result]:
        """The service has no more results of this batch.

        Its session or the results were deleted, or it has fewer images than were written down.
        """
        pending = sorted(batch.pending)
        self.open.pop(batch.batch_id or "", None)
        batch.pending.clear()
        if batch.resumed:
            self._again(batch, [batch.sources[i] for i in pending if i in batch.sources])
        else:
            for index in pending:
                message = "The service has deleted this image's session"
                failed = Failed(batch.sources[index], "not_found", message)
                yield from self.hand_out(batch, index, failed)
        self.close_if_finished(batch)

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
            yield from self.hand_out(batch, ended.index, result)
        else:
            batch.held[ended.index] = result

    def hand_out(self, batch: OpenBatch, index: int, result: Result) -> Iterator[Result]:
        """Gives a result to the caller; the batch is closed when it has come back from the last."""
        batch.unseen += 1
        yield result
        batch.unseen -= 1
        if isinstance(result, Done):
            batch.done.append((batch.written.sources[index], result))
        self.close_if_finished(batch)

    def close_if_finished(self, batch: OpenBatch) -> None:
        """Closes a batch of which the caller has seen every result."""
        if batch.finished:
            self.open.pop(batch.batch_id or "", None)
            self._journal.close_batch(self._settings, batch.written.number, batch.done)
