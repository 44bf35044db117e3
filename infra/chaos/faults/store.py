"""An object store that refuses, hangs, and stores without an answer."""

import time

from infra.chaos.experiment import Experiment
from infra.chaos.store_proxy import Mode

_FAULTY_SECONDS = 1.5  # below the task limit: a longer hang would get the waiting process killed


def fail_store(experiment: Experiment) -> None:
    """The store answers 503, hangs, and cuts connections after a write, one after another."""
    modes = [Mode.REFUSE, Mode.HANG, Mode.CUT]

    def inject() -> None:
        experiment.random.shuffle(modes)
        for mode in modes:
            experiment.environment.store.turn(mode)
            time.sleep(_FAULTY_SECONDS)
            experiment.environment.store.turn(Mode.THROUGH)
            time.sleep(0.5)

    experiment.inject_under_load(inject, 6, 15)
    experiment.require_no_failure()
