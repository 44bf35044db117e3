"""A batch that is on its way: what the service has still to say, and what the caller has to see."""

from dataclasses import dataclass, field, replace

from fluximage.answers import Notice
from fluximage.journal import Written, WrittenBatch
from fluximage.results import Done, Failed
from fluximage.sources import Source


@dataclass(slots=True)
class OpenBatch:
    """One batch of a call.

    batch_id: the service's, once it has accepted the batch. sources: those that the caller has
    given to this call, by index; all of them, unless an earlier call left the batch open.
    resumed: an earlier call sent it, or an attempt whose answer was lost; the service may have
    accepted fewer of its sources, the first ones. unheard: the latter. reach: so many of its
    first sources may be accepted without an answer. pending: indexes without a result yet. held:
    results whose source this call has not been given yet. registered_at: how many reads of the
    session had begun when it was accepted.
    """

    written: WrittenBatch
    sources: dict[int, Source]
    resumed: bool = False
    unheard: bool = False
    batch_id: str | None = None
    reach: int = 0
    pending: set[int] = field(default_factory=set)
    held: dict[int, Done | Failed] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    done: list[tuple[Written, Done]] = field(default_factory=list)
    unseen: int = 0
    registered_at: int = 0

    def __post_init__(self) -> None:
        self.batch_id = self.written.batch_id
        self.reach = len(self.written.sources) if self.resumed else 0
        self.pending = set(range(len(self.written.sources)))

    @property
    def finished(self) -> bool:
        """Whether the caller has seen every result."""
        return not self.pending and not self.held and not self.unseen

    @property
    def in_order(self) -> list[Source]:
        """The sources that the caller has given."""
        return [self.sources[index] for index in sorted(self.sources)]

    def forget(self, index: int) -> None:
        """The caller does not want this result."""
        self.pending.discard(index)
        self.held.pop(index, None)

    def shorten(self, count: int) -> list[Source]:
        """Keeps the first sources alone; returns the others."""
        rest = [self.sources.pop(index) for index in sorted(self.sources) if index >= count]
        self.written = replace(self.written, sources=self.written.sources[:count])
        self.pending = set(range(count))
        return rest
