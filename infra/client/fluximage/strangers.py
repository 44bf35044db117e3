"""Results of batches whose own answer has not arrived yet, if they are of this call."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fluximage.answers import Image, ImageFailure, Notice

Ended = tuple[Image | ImageFailure, tuple[Notice, ...]]


@dataclass(slots=True)
class _Stranger:
    ended: list[Ended]
    sending: set[int]  # the batches that may be it; when all have answered, it was not


class Strangers:
    """A session may say that an image has ended before its batch was answered.

    Others may send to the same session, so nothing is kept longer than it may be needed.
    """

    def __init__(self) -> None:
        self._by_batch: dict[str, _Stranger] = {}

    def keep(
        self, ended: Image | ImageFailure, notices: tuple[Notice, ...], sending: Iterable[int]
    ) -> None:
        """Keeps a result while one of the batches that are being sent may own it."""
        stranger = self._by_batch.setdefault(ended.batch_id, _Stranger([], set(sending)))
        if stranger.sending:
            stranger.ended.append((ended, notices))
        else:
            del self._by_batch[ended.batch_id]

    def take(self, batch_id: str) -> Sequence[Ended]:
        """Returns the results of a batch that is known now."""
        stranger = self._by_batch.pop(batch_id, None)
        return stranger.ended if stranger else ()

    def answered(self, number: int) -> None:
        """This batch is known or refused now: what waited for it alone is not of this call."""
        for batch_id, stranger in [*self._by_batch.items()]:
            stranger.sending.discard(number)
            if not stranger.sending:
                del self._by_batch[batch_id]
