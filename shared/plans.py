"""What each plan allows, and when an account's billing period began."""

import calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

UNLIMITED = 99_999  # how the published contract reports a limit that is none


class Plan(StrEnum):
    """A plan an account is on."""

    FREE = "free"
    STARTER = "starter"
    PRO = "pro"
    AGENCY = "agency"


@dataclass(frozen=True)
class Allowance:
    """What a plan gives in one billing period; `images` None means without limit."""

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
    """The first day of the billing period that `today` lies in (UTC dates).

    The period renews on the account's own start day; one that started on the 31st renews on
    a short month's last day.
    """
    renewal = _in_month(started.day, today.year, today.month)
    if today >= renewal:
        return renewal
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return _in_month(started.day, year, month)


def _in_month(day: int, year: int, month: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))
