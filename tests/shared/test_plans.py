"""When the billing period of an account starts."""

from datetime import date

from shared.plans import period_start
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
