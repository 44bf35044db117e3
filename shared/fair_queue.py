"""Whose turn it is: start-time fair queueing between accounts.

Goyal, Vin, Cheng: "Start-time Fair Queueing" (SIGCOMM 1996). Each account has a virtual time: the
CPU seconds that it has had. The account with the lowest one is next. The whole system's virtual
time goes with it, and no account begins below that, so that nobody saves up turns while idle.
Between two accounts that both have work, the seconds given to each differ by at most the longest
image of each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Protocol, TypeVar

# What even the smallest image costs beside its pixels: messages, rows, objects.
MIN_CPU_SECONDS = 0.02


class Job(Protocol):
    """What an account is charged for."""

    @property
    def cost_seconds(self) -> float:
        """CPU seconds of one core, as estimated."""


AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass
class Shares:
    """The virtual times, in seconds: of the system, and of accounts by their ids."""

    system: float = 0.0
    accounts: dict[int, float] = field(default_factory=dict)

    def start(self, account_id: int) -> float:
        """The tag of the account's next job; the lowest is next."""
        return max(self.system, self.accounts.get(account_id, self.system))

    def charge(self, account_id: int, cpu_seconds: float) -> None:
        """Puts the account behind by a job's work."""
        self.accounts[account_id] = self.start(account_id) + cpu_seconds

    def catch_up(self, waiting: Iterable[int]) -> None:
        """Moves the system on to the lowest of the accounts that wait."""
        self.system = min(map(self.start, waiting), default=self.system)


def in_turn(shares: Shares, waiting: Mapping[int, Iterator[AnyJob]]) -> Iterator[AnyJob]:
    """The jobs of all accounts in the order of their turns; `waiting`: those of each account.

    A job is charged when the one after it is asked for: one that is not taken, because there is no
    room for it, is the last one asked for and stays free.
    """
    # Of accounts that begin at the same time, the one that has had less is first.
    turns = [(shares.start(one), shares.accounts.get(one, 0.0), one) for one in waiting]
    heapify(turns)
    while turns:
        start, _, account_id = heappop(turns)
        job = next(waiting[account_id], None)
        if job is None:
            continue
        shares.system = max(shares.system, start)
        yield job
        shares.charge(account_id, job.cost_seconds)
        heappush(turns, (shares.start(account_id), shares.accounts[account_id], account_id))
