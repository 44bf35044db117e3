"""The batches that an earlier call left open in the journal."""

from collections.abc import Callable, Iterator, Sequence

from fluximage.journal import Journal, Written
from fluximage.open_batch import OpenBatch
from fluximage.receiving import Receiving
from fluximage.results import Done, Failed, Result
from fluximage.sources import Source
from fluximage.upload import SourceFailed, facts, measure


class Resuming:
    """Brings the sources of this call together with the batches that already have them.

    again: takes sources that have to be sent in another batch. send: sends a batch of which the
    service may know nothing, once this call was given all of its sources.
    """

    def __init__(
        self,
        journal: Journal,
        settings: str,
        receiving: Receiving,
        again: Callable[[OpenBatch, Sequence[Source]], None],
        send: Callable[[OpenBatch], None],
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._receiving = receiving
        self._again = again
        self._send = send
        self._spots: dict[tuple[str, str], tuple[OpenBatch, int]] = {}

    def begin(self) -> None:
        """Takes up the batches of the journal."""
        for written in self._journal.open_batches(self._settings):
            batch = OpenBatch(written, {}, resumed=True)
            for index, source in enumerate(written.sources):
                self._spots[source.content, source.name] = batch, index
            if written.batch_id:
                self._receiving.open[written.batch_id] = batch

    def done(self, source: Source, content: str) -> Done | None:
        """Returns what an earlier call made of the source, if its link is valid."""
        found = self._journal.done(self._settings, content, source)
        return found[1] if found and _is_same(source, found[0]) else None

    def meet(self, source: Source, content: str) -> Iterator[Result] | None:
        """Returns the results of a source of an open batch, or None for another one."""
        spot = self._spots.pop((content, source.name), None)
        return self._meet(source, *spot) if spot else None

    def _meet(self, source: Source, batch: OpenBatch, index: int) -> Iterator[Result]:
        if batch.batch_id is None:
            batch.sources[index] = source
            if len(batch.sources) == len(batch.written.sources):
                self._send(batch)
            return
        awaited = index in batch.pending or index in batch.held  # else the service has lost it
        if not (awaited and _is_same(source, batch.written.sources[index])):
            batch.forget(index)
            self._receiving.close_if_finished(batch)
            self._again(batch, [source])
            return
        batch.sources[index] = source
        if result := batch.held.pop(index, None):
            yield from self._receiving.hand_out(batch, index, _with_source(result, source))

    def end(self) -> None:
        """Of a batch that an earlier call left open, only what this call was given is wanted.

        One of which it was given nothing stays as it is, for another call.
        """
        partly = {batch.written.number: batch for batch, _ in self._spots.values()}
        for batch, index in self._spots.values():
            batch.forget(index)
        self._spots.clear()
        for batch in partly.values():
            if not batch.sources:
                self._receiving.open.pop(batch.batch_id or "", None)
            elif batch.batch_id:
                self._receiving.close_if_finished(batch)
            else:  # its key stands for all of its sources, so these need another
                self._again(batch, batch.in_order)
                self._journal.close_batch(self._settings, batch.written.number)


def _with_source(result: Result, source: Source) -> Result:
    if isinstance(result, Done):
        return Done(source, result.image, result.warnings)
    return Failed(source, result.code, result.message)


def _is_same(source: Source, written: Written) -> bool:
    """Whether the source is as it was written down: its size and time, else its content."""
    try:
        if isinstance(source.content, bytes) or facts(source) == (written.size, written.mtime_ns):
            return True
        return facts(source)[0] == written.size and measure(source).sha256 == written.sha256
    except (OSError, SourceFailed):
        return False
