"""Workers that are killed, that are paused, and that are asked to end."""

import time
from itertools import cycle
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from infra.chaos.environment import IMAGE_WORKERS, eventually
from infra.chaos.experiment import COUNT_REPEATED_EVENTS, Experiment

_COUNT_BUSY = """
SELECT count(*) FROM images WHERE state = 'processing' AND lane = 'images'
"""
_COUNT_UNMEASURED = """
SELECT count(*) FROM images WHERE state = 'queued' AND cpu_seconds IS NULL
"""
_COUNT_IN_EXPRESS = """
SELECT count(*) FROM images WHERE ended_number IS NULL AND (lane = 'express' OR cpu_seconds IS NULL)
"""
_COUNT_MADE_IN_EXPRESS = """
SELECT count(*) FROM images WHERE state = 'done' AND lane = 'express'
"""
_MAIN_SHARE = 0.3  # how often the main process is killed with the others
_COMMIT_SECONDS = 5.0
_RESTART_SECONDS = 60.0
# The processes that are asked to end, in turn; clients notice the first two most.
_ROTATION = ("worker", "web", "worker-2", "io", "ai", "periodic")


def kill_workers(experiment: Experiment) -> None:
    """kill -9 of a worker, of the process in it that works, or of both at once."""
    environment, random = experiment.environment, experiment.random

    def inject() -> None:
        name = random.choice(IMAGE_WORKERS)
        doomed = random.choice(("process", "main", "both"))
        if doomed != "main":
            environment.signal_pool(name, SIGKILL)
        if doomed != "process":
            environment.signal(name, SIGKILL)

    experiment.inject_under_load(inject, 24, 50)


def kill_measurers(experiment: Experiment) -> None:
    """kill -9 of the worker that measures images, while some are not measured yet."""

    def inject() -> None:
        eventually(lambda: experiment.query_number(_COUNT_UNMEASURED), 10)
        experiment.environment.signal("io", SIGKILL)

    experiment.inject_under_load(inject, 24, 50)
    experiment.require_no_failure()
    repeated = experiment.query_number(COUNT_REPEATED_EVENTS, "claimed", 1)
    experiment.require(not repeated, f"{repeated} images were made more than once")


def kill_express(experiment: Experiment) -> None:
    """kill -9 of the processes that measure and make small images, which are sent one by one."""
    environment, random = experiment.environment, experiment.random

    def inject() -> None:
        eventually(lambda: experiment.query_number(_COUNT_IN_EXPRESS), 10)
        for name in ("express", *IMAGE_WORKERS):
            environment.signal_pool(name, SIGKILL)
        if random.random() < _MAIN_SHARE:
            environment.signal("express", SIGKILL)

    experiment.inject_under_load(inject, 24, 50, one_by_one=True)
    experiment.require(
        experiment.query_number(_COUNT_MADE_IN_EXPRESS), "no image was made in express"
    )


def pause_workers(experiment: Experiment) -> None:
    """A worker is paused until its lease ends and another takes its image; then it goes on."""
    environment, settings = experiment.environment, experiment.environment.services.settings

    def inject() -> None:
        name = experiment.random.choice(IMAGE_WORKERS)
        # Then each worker has an image.
        eventually(lambda: experiment.query_number(_COUNT_BUSY) >= len(IMAGE_WORKERS), 10)
        environment.signal(name, SIGSTOP)
        environment.signal_pool(name, SIGSTOP)
        time.sleep(settings.lease_seconds + settings.sweep_seconds + 0.5)
        refused = experiment.late_commits()
        environment.signal_pool(name, SIGCONT)
        # The main process goes on last: it would kill the process whose late commit we wait for.
        eventually(lambda: experiment.late_commits() > refused, _COMMIT_SECONDS)
        environment.signal(name, SIGCONT)

    experiment.inject_under_load(inject, 12, 12)
    experiment.require(experiment.late_commits(), "no late commit was refused")
    experiment.require_no_failure()


def restart_service(experiment: Experiment) -> None:
    """SIGTERM to one process after another, the API included, as in an upgrade."""
    names = cycle(_ROTATION)

    def inject() -> None:
        name = next(names)
        former = experiment.environment.pid(name)
        experiment.environment.signal(name, SIGTERM)
        again = eventually(
            lambda: experiment.environment.pid(name) not in (None, former), _RESTART_SECONDS
        )
        experiment.require(again, f"{name} did not end within {_RESTART_SECONDS:.0f} s")

    experiment.inject_under_load(inject, 20, 30)
    experiment.require_no_failure()
