"""How long a retry waits."""

import time
from email.utils import formatdate

from tests.support.cases import every_case
from workers.ai.backoff import asked_seconds, seconds_before


@every_case("text", ["", "soon", "nan", "inf", "-3", "Wed, 31 Jun 2026 07:28:00 GMT", "\x00"])
def test_an_invalid_wait_is_zero(text: str) -> None:
    assert asked_seconds({"retry-after": text}) == 0.0


def test_invalid_milliseconds_leave_the_seconds() -> None:
    assert asked_seconds({"retry-after-ms": "soon", "retry-after": "1.5"}) == 1.5


def test_a_date_that_is_past_asks_for_no_wait() -> None:
    assert asked_seconds({"retry-after": formatdate(time.time() - 60, usegmt=True)}) == 0.0


@every_case("attempt, longest", [(0, 0.5), (1, 1.0), (3, 4.0), (50, 8.0)])
def test_waits_are_spread_over_twice_as_long_each_time_up_to_a_bound(
    attempt: int, longest: float
) -> None:
    waits = [seconds_before(attempt, {}) for _ in range(1_000)]
    assert max(waits) <= longest
    # That none of a thousand falls in the last or first tenth has odds of 1 in 10^45.
    assert max(waits) > 0.9 * longest
    assert min(waits) < 0.1 * longest


def test_what_is_asked_for_is_the_least_of_a_wait() -> None:
    waits = [seconds_before(0, {"retry-after": "7"}) for _ in range(1_000)]
    assert min(waits) >= 7.0
    assert max(waits) <= 7.5
