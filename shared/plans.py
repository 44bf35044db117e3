"""What each plan allows, and when an account's billing period began."""

import calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

UNLIMITED = 99_999  # the published contract reports an unlimited plan with this number


class Plan(StrEnum):
    """The plan of an account."""

    FREE = "free"
    STARTER = "starter"
    PRO = "pro"
    AGENCY = "agency"


@dataclass(frozen=True)
class Allowance:
    """What a plan includes in one billing period; `images` None means unlimited."""

    images: int | None
    ai_credits: int
    watermark: bool
    ai: bool


ALLOWANCES: dict[Plan, Allowance] = {
    Plan.FREE: Allowance(images=20, ai_credits=0, watermark=False, ai=False),
    Plan.STARTER: Allowance(images=200, ai_credits=200, watermark=True, ai=True),
    Plan.PRO: Allowance(images=None, ai_credits=1_000, watermark=True, ai=True),
    Plan.AGENCY: Allowance(images=None, ai_credits=10_000, watermark=True, ai=True),
}


def period_start(started: date, today: date) -> date:
    """Returns the first day of the billing period that contains `today` (UTC dates).

    A period begins on the day of the month on which the account started; in a shorter month, on
    its last day.
    """
    renewal = _renewal(started, today, months=0)
    return renewal if today >= renewal else _renewal(started, today, months=-1)


def next_period_start(started: date, today: date) -> date:
    """Returns the day on which the billing period that contains `today` is over (UTC dates)."""
    renewal = _renewal(started, today, months=0)
    return renewal if today < renewal else _renewal(started, today, months=1)


def _renewal(started: date, today: date, months: int) -> date:
    """The day on which a period begins in the month that is `months` after today's."""
    years, month = divmod(today.month - 1 + months, 12)
    year, month = today.year + years, month + 1
    return date(year, month, min(started.day, calendar.monthrange(year, month)[1]))
