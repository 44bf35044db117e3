"""Which waiting images are sent now, and to which of the two queues for pixels. No I/O.

The lane `images` is for everything: one process per core, and few images wait in its queue, since
what lies there is out of reach of a fairer choice. The lane `express` has processes of its own, and
at most one image of each account, a small one: it answers while the other lane is busy. Its
processes also measure the batch of one image that somebody waits for, and make the image at once
where it may have its place.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.fair_queue import MIN_CPU_SECONDS, Shares, in_turn

# An image of less work than this may wait in the broker with others of its size.
SHORT_SECONDS = 1.0
# The work of such images that waits there, for each process: small enough that who comes next does
# not notice it, and enough that a process does not wait for the next dispatch.
_WINDOW_SECONDS = 0.5
# How far an account may be ahead of its share and have images that it waits for in `express`.
_LEAD_SECONDS = 5.0


# An original of more bytes is measured where others are: to read it takes too long.
EXPRESS_BYTES = 1_000_000


class Lane(StrEnum):
    """A queue for pixels."""

    IMAGES = "images"
    EXPRESS = "express"


@dataclass(frozen=True)
class WaitingImage:
    """An image that could be sent.

    is_queued: false for one that only waits to be described. is_small: whether the lane `express`
    takes it. ai: whether it is described. waited_for: by its request. charged: whether its account
    was charged for it before.
    """

    id: UUID
    batch_id: UUID
    account_id: int
    index: int
    created_at: datetime
    is_queued: bool
    is_small: bool
    ai: bool
    waited_for: bool
    cpu_seconds: float
    charged: bool

    @property
    def cost_seconds(self) -> float:
        """What the account is charged when it is sent."""
        return MIN_CPU_SECONDS if self.charged else max(self.cpu_seconds, MIN_CPU_SECONDS)

    @property
    def kind(self) -> tuple[bool, bool, bool]:
        """What decides where it may go."""
        return self.is_queued, self.is_small, self.ai

    @property
    def place(self) -> tuple[bool, datetime, int]:
        """Its place among the account's images: those that are waited for first, then by age."""
        return not self.waited_for, self.created_at, self.index


@dataclass(frozen=True)
class SentImage:
    """An image whose message is to be published now.

    lane: None for an image that only waits to be described. ai: whether it is described.
    is_member: of its batch's chord; it was not sent before. members: how many the chord has, where
    no other image of the batch was sent before; else None.
    """

    id: UUID
    batch_id: UUID
    account_id: int
    index: int
    lane: Lane | None
    ai: bool
    cost_seconds: float
    is_member: bool
    members: int | None

    @property
    def is_alone_in_express(self) -> bool:
        """Whether nothing follows it: no other image of its batch, and no description."""
        return self.lane is Lane.EXPRESS and not self.ai and self.members == 1


class WaitingImages:
    """The waiting images of one account: at first the head of each kind, the rest when needed."""

    def __init__(
        self,
        heads: Iterable[WaitingImage],
        read: Callable[[WaitingImage], Sequence[WaitingImage]],
    ) -> None:
        """read: returns all images of the head's kind in their order, the head among them."""
        self._read = read
        self._kinds = {head.kind: deque([head]) for head in heads}
        self._unread = {head.kind: head for head in heads}

    def first(
        self, *, is_queued: bool = True, with_ai: bool, only_small: bool = False
    ) -> WaitingImage | None:
        """The next image, of those that may go. with_ai: whether those to be described may."""
        firsts = [
            found
            for kind in self._kinds
            if kind[0] == is_queued and (with_ai or not kind[2]) and (kind[1] or not only_small)
            if (found := self._first_of(kind))
        ]
        return min(firsts, key=lambda image: image.place, default=None)

    def may_have(self, *, with_ai: bool) -> bool:
        """Whether `first` may find an image, without reading any."""
        return any(
            kind[0] and (with_ai or not kind[2]) and (images or kind in self._unread)
            for kind, images in self._kinds.items()
        )

    def take(self, image: WaitingImage) -> None:
        """Removes an image that `first` has returned."""
        self._kinds[image.kind].popleft()

    def _first_of(self, kind: tuple[bool, bool, bool]) -> WaitingImage | None:
        images = self._kinds[kind]
        if not images and (head := self._unread.pop(kind, None)):
            images.extend(image for image in self._read(head) if image.id != head.id)
        return images[0] if images else None


@dataclass(frozen=True)
class Windows:
    """images: that may wait in the queue of `images`. ai_images: that are described and open."""

    images: int
    ai_images: int


@dataclass
class Out:
    """What was sent and has not ended.

    Of the lane `images`: how many wait for a process and how many are processed, the seconds of
    work of the waiting ones that are short, and the accounts. Of the lane `express`: how many wait,
    and the accounts. ai: images that are to be described, in whatever state.
    """

    waiting: int = 0
    processing: int = 0
    short_seconds: float = 0.0
    accounts: set[int] = field(default_factory=set)
    express_waiting: int = 0
    express_accounts: set[int] = field(default_factory=set)
    ai: int = 0

    def has_room(self, image: WaitingImage, windows: Windows) -> bool:
        """Whether the image may go to the lane `images` now."""
        processes = max(1, self.processing)
        if self.waiting < processes:
            return True
        short_seconds = self.short_seconds + image.cpu_seconds
        return (
            image.cpu_seconds <= SHORT_SECONDS
            and self.waiting < windows.images
            and short_seconds <= _WINDOW_SECONDS * processes
        )

    def add(self, image: WaitingImage, lane: Lane | None) -> None:
        """Counts an image that is sent now."""
        self.ai += image.ai
        if lane is Lane.EXPRESS:
            self.express_waiting += 1
            self.express_accounts.add(image.account_id)
        elif lane is Lane.IMAGES:
            self.waiting += 1
            self.short_seconds += image.cpu_seconds * (image.cpu_seconds <= SHORT_SECONDS)
            self.accounts.add(image.account_id)


@dataclass
class _Choice:
    shares: Shares
    waiting: Mapping[int, WaitingImages]
    out: Out
    windows: Windows
    chosen: list[tuple[WaitingImage, Lane | None]] = field(default_factory=list)

    def take(self, image: WaitingImage, lane: Lane | None) -> None:
        self.waiting[image.account_id].take(image)
        self.out.add(image, lane)
        self.chosen.append((image, lane))

    def first(
        self, account_id: int, *, is_queued: bool = True, only_small: bool = False
    ) -> WaitingImage | None:
        with_ai = self.out.ai < self.windows.ai_images
        return self.waiting[account_id].first(
            is_queued=is_queued, with_ai=with_ai, only_small=only_small
        )

    def to_describe(self) -> None:
        """Takes images whose pixels are done, which need no core."""
        accounts = [one for one in self.waiting if self.first(one, is_queued=False)]
        while accounts:
            account_id = min(accounts, key=self.shares.start)
            if image := self.first(account_id, is_queued=False):
                self.take(image, None)
                self.shares.charge(account_id, image.cost_seconds)
            else:
                accounts.remove(account_id)

    def express(self) -> None:
        """Takes at most one small image of each account that has had no more than its share."""
        queued = self.queued()
        self.shares.catch_up(queued)
        for account_id in sorted(queued, key=self.shares.start):
            if self.shares.start(account_id) > self.shares.system + _LEAD_SECONDS:
                return
            if account_id in self.out.express_accounts:
                continue
            image = self.first(account_id, only_small=True)
            if image and self._may_be_express(image):
                self.take(image, Lane.EXPRESS)
                self.shares.charge(account_id, image.cost_seconds)

    def _may_be_express(self, image: WaitingImage) -> bool:
        """An image that nobody waits for holds up none that somebody waits for, nor gets ahead."""
        out, account_id = self.out, image.account_id
        is_ahead = self.shares.start(account_id) > self.shares.system
        return image.waited_for or not (
            out.express_waiting or account_id in out.accounts or is_ahead
        )

    def images(self) -> None:
        """Takes images in turn, as long as there is room for the next one."""
        for image in in_turn(self.shares, {one: self._in_order(one) for one in self.queued()}):
            if not self.out.has_room(image, self.windows):
                return
            self.take(image, Lane.IMAGES)

    def queued(self) -> list[int]:
        """The accounts that wait for a core."""
        with_ai = self.out.ai < self.windows.ai_images
        return [one for one, images in self.waiting.items() if images.may_have(with_ai=with_ai)]

    def _in_order(self, account_id: int) -> Iterator[WaitingImage]:
        while image := self.first(account_id):
            yield image


def choose(
    shares: Shares, waiting: Mapping[int, WaitingImages], out: Out, windows: Windows
) -> list[tuple[WaitingImage, Lane | None]]:
    """The images that are sent now, each with its lane: None for one that is only described.

    waiting: by account. Changes all that it is given: `shares` are charged, `out` has grown.
    """
    choice = _Choice(shares, waiting, out, windows)
    choice.to_describe()
    choice.express()
    choice.images()
    return choice.chosen
