"""Workers that are killed, that stand still, and that are told to end."""

import time
from itertools import cycle
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from infra.chaos.environment import IMAGE_WORKERS, eventually
from infra.chaos.experiment import Trial

_BUSY = "SELECT count(*) FROM images WHERE state = 'processing'"
_COMMIT_SECONDS = 5.0
_RESTART_SECONDS = 60.0
# Those that are asked to end, in turn: the first two are the ones that clients notice.
_ROTATION = ("worker", "web", "worker-2", "io", "ai", "periodic")


def kill_workers(trial: Trial) -> None:
    """kill -9 of a worker, of the process in it that works, or of both at once."""
    stage, random = trial.stage, trial.random

    def strike() -> None:
        name = random.choice(IMAGE_WORKERS)
        doomed = random.choice(("process", "main", "both"))
        if doomed != "main":
            stage.signal_pool(name, SIGKILL)
        if doomed != "process":
            stage.signal(name, SIGKILL)

    trial.storm(strike, 24, 50)


def pause_workers(trial: Trial) -> None:
    """A worker stands still until its lease is over and another has its image; then it goes on."""
    stage, settings = trial.stage, trial.stage.services.settings

    def strike() -> None:
        name = trial.random.choice(IMAGE_WORKERS)
        # Then each of them has one in hand.
        eventually(lambda: trial.tally(_BUSY) >= len(IMAGE_WORKERS), 10)
        stage.signal(name, SIGSTOP)
        stage.signal_pool(name, SIGSTOP)
        time.sleep(settings.lease_seconds + settings.sweep_seconds + 0.5)
        refused = trial.late_commits()
        stage.signal_pool(name, SIGCONT)
        # Its main process wakes after it: it would kill, for its time is over, what has to commit.
        eventually(lambda: trial.late_commits() > refused, _COMMIT_SECONDS)
        stage.signal(name, SIGCONT)

    trial.storm(strike, 12, 12)
    trial.demand(trial.late_commits(), "no late commit was refused")
    trial.demand_no_failure()


def restart_service(trial: Trial) -> None:
    """SIGTERM to one process after the other, the API's with them, as a new version comes in."""
    names = cycle(_ROTATION)

    def strike() -> None:
        name = next(names)
        former = trial.stage.pid(name)
        trial.stage.signal(name, SIGTERM)
        again = eventually(lambda: trial.stage.pid(name) not in (None, former), _RESTART_SECONDS)
        trial.demand(again, f"{name} did not end within {_RESTART_SECONDS:.0f} s")

    trial.storm(strike, 20, 30)
    trial.demand_no_failure()
