"""A database that dies."""

import time
from itertools import cycle
from signal import SIGKILL, SIGQUIT

from infra.chaos.environment import eventually
from infra.chaos.experiment import Trial
from shared.errors import UnavailableError

_BACK_SECONDS = 60.0


def crash_postgres(trial: Trial) -> None:
    """Postgres ends at once, by kill -9 and by its immediate shutdown in turn, and recovers."""
    numbers = cycle((SIGKILL, SIGQUIT))

    def strike() -> None:
        trial.stage.signal("postgres", next(numbers))
        time.sleep(0.2)
        trial.demand(eventually(lambda: _answers(trial), _BACK_SECONDS), "Postgres stays away")

    trial.storm(strike, 10, 40)
    trial.demand_no_failure()


def _answers(trial: Trial) -> bool:
    try:
        trial.stage.services.database.ping()
    except UnavailableError:
        return False
    return True
