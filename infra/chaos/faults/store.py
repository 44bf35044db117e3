"""An object store that refuses, hangs, and stores without saying so."""

import time

from infra.chaos.experiment import Trial
from infra.chaos.store_proxy import Mode

_FAULTY_SECONDS = 1.5  # below a task's limit: a hang that is longer ends the process that waits


def fail_store(trial: Trial) -> None:
    """The store answers 503, hangs, and loses its connections after a write, one after another."""
    modes = [Mode.REFUSE, Mode.HANG, Mode.CUT]

    def strike() -> None:
        trial.random.shuffle(modes)
        for mode in modes:
            trial.stage.store.turn(mode)
            time.sleep(_FAULTY_SECONDS)
            trial.stage.store.turn(Mode.THROUGH)
            time.sleep(0.5)

    trial.storm(strike, 6, 15)
    trial.demand_no_failure()
