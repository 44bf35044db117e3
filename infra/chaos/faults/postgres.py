"""A database that crashes."""

import time
from itertools import cycle
from signal import SIGKILL, SIGQUIT

from infra.chaos.environment import eventually
from infra.chaos.experiment import Experiment
from shared.errors import UnavailableError

_BACK_SECONDS = 60.0


def crash_postgres(experiment: Experiment) -> None:
    """Postgres ends at once, by kill -9 and by immediate shutdown in turn, and recovers."""
    numbers = cycle((SIGKILL, SIGQUIT))

    def inject() -> None:
        experiment.environment.signal("postgres", next(numbers))
        time.sleep(0.2)
        experiment.require(
            eventually(lambda: _answers(experiment), _BACK_SECONDS), "Postgres did not come back"
        )

    experiment.inject_under_load(inject, 10, 40)
    experiment.require_no_failure()


def _answers(experiment: Experiment) -> bool:
    try:
        experiment.environment.services.database.ping()
    except UnavailableError:
        return False
    return True
