"""Turns are fair by work, whatever the sizes of the jobs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from shared.fair_queue import Shares, in_turn


@dataclass(frozen=True)
class Job:
    account: int
    cost_seconds: float


def jobs(account: int, cost_seconds: float, count: int = 100_000) -> Iterator[Job]:
    return (Job(account, cost_seconds) for _ in range(count))


def given(turns: Iterator[Job], seconds: float) -> Counter[int]:
    """What each account has got when all together have got so many seconds."""
    shares: Counter[int] = Counter()
    for job in turns:
        if sum(shares.values()) >= seconds:
            break
        shares[job.account] += job.cost_seconds  # type: ignore[assignment] # seconds, no number
    return shares


def test_accounts_with_jobs_of_unequal_size_get_equal_work() -> None:
    sizes = {account: 0.05 * 2**account for account in range(8)}  # 0.05 s to 6.4 s
    waiting = {account: jobs(account, size) for account, size in sizes.items()}
    got = given(in_turn(Shares(), waiting), 800)
    for account, size in sizes.items():
        assert abs(got[account] - 100) <= size + max(sizes.values())


def test_an_account_that_comes_later_gets_its_share_at_once_and_no_more() -> None:
    shares = Shares()
    list(islice(in_turn(shares, {1: jobs(1, 1)}), 1000))
    got = given(in_turn(shares, {1: jobs(1, 1), 2: jobs(2, 1)}), 100)
    assert abs(got[1] - got[2]) <= 1


def test_work_that_nobody_else_wanted_is_not_held_against_an_account() -> None:
    shares = Shares()
    list(islice(in_turn(shares, {1: jobs(1, 1)}), 1000))
    list(islice(in_turn(shares, {3: jobs(3, 1)}), 10))
    got = given(in_turn(shares, {1: jobs(1, 1), 2: jobs(2, 1), 3: jobs(3, 1)}), 300)
    assert min(got.values()) >= 98


def test_an_account_is_charged_what_its_work_took_once_that_is_known() -> None:
    shares = Shares()
    turns = in_turn(shares, {1: jobs(1, 0.1), 2: jobs(2, 1)})
    list(islice(turns, 10))
    shares.accounts[1] += 50  # as if one of them had taken so much
    after = given(in_turn(shares, {1: jobs(1, 0.1), 2: jobs(2, 1)}), 60)
    assert 49 <= after[2] - after[1] <= 51


def test_a_job_for_which_there_is_no_room_costs_nothing() -> None:
    shares = Shares()
    next(in_turn(shares, {1: jobs(1, 7)}))
    assert shares.accounts.get(1, 0) == 0
