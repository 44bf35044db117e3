"""When the billing period of an account starts and ends."""

from datetime import date

from shared.plans import next_period_start, period_start
from tests.support.cases import every_case


@every_case(
    "started, today, expected",
    [
        (date(2026, 3, 12), date(2026, 11, 22), date(2026, 11, 12)),
        (date(2026, 3, 12), date(2026, 11, 12), date(2026, 11, 12)),
        (date(2026, 3, 12), date(2026, 11, 11), date(2026, 10, 12)),
        (date(2025, 12, 20), date(2026, 1, 5), date(2025, 12, 20)),
        (date(2026, 1, 31), date(2026, 2, 28), date(2026, 2, 28)),
        (date(2026, 1, 31), date(2026, 2, 27), date(2026, 1, 31)),
        (date(2026, 1, 31), date(2026, 3, 30), date(2026, 2, 28)),
        (date(2024, 1, 31), date(2024, 2, 29), date(2024, 2, 29)),
    ],
)
def test_a_period_starts_on_the_accounts_own_day(
    started: date, today: date, expected: date
) -> None:
    assert period_start(started, today) == expected


@every_case(
    "started, today, expected",
    [
        (date(2026, 3, 12), date(2026, 11, 11), date(2026, 11, 12)),
        (date(2026, 3, 12), date(2026, 11, 12), date(2026, 12, 12)),
        (date(2025, 12, 20), date(2026, 12, 20), date(2027, 1, 20)),
        (date(2026, 1, 31), date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)),
    ],
)
def test_a_period_is_over_on_the_accounts_own_day_of_the_next_month(
    started: date, today: date, expected: date
) -> None:
    assert next_period_start(started, today) == expected
