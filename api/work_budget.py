"""The work budget: how much CPU the images of one account may take in an hour."""

from api.caller import account
from api.context import context
from shared.db import work


def check_work_budget() -> None:
    """Raises WorkLimitError where the caller's account has used up the budget of this hour."""
    services = context().services
    limit_seconds = services.settings.account_cpu_seconds_per_hour
    work.check(services.database, account().id, limit_seconds)
