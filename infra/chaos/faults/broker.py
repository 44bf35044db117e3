"""A broker that is emptied, is full, crashes, and closes every connection."""

import time
from contextlib import suppress
from signal import SIGKILL

from redis.exceptions import RedisError

from infra.chaos.environment import IMAGE_WORKERS, eventually
from infra.chaos.experiment import Experiment

_FULL_SECONDS = 2.0
_BACK_SECONDS = 30.0


def empty_broker(experiment: Experiment) -> None:
    """FLUSHALL."""
    experiment.inject_under_load(experiment.environment.services.redis.flushall, 9, 50)
    experiment.require_no_failure()


def fill_broker(experiment: Experiment) -> None:
    """The broker is out of memory for two seconds, and refuses writes."""
    client = experiment.environment.services.redis

    def inject() -> None:
        client.config_set("maxmemory", "1")
        time.sleep(_FULL_SECONDS)
        client.config_set("maxmemory", "0")

    with experiment.require_alive(*IMAGE_WORKERS, "io", "ai", "periodic"):
        experiment.inject_under_load(inject, 9, 40)
    experiment.require_no_failure()


def crash_broker(experiment: Experiment) -> None:
    """kill -9 of the broker, which restarts with what it had written to disk."""

    def inject() -> None:
        experiment.environment.signal("valkey", SIGKILL)
        time.sleep(0.1)
        experiment.require(
            eventually(lambda: _answers(experiment), _BACK_SECONDS), "the broker did not come back"
        )

    experiment.inject_under_load(inject, 9, 40)
    experiment.require_no_failure()


def cut_connections(experiment: Experiment) -> None:
    """CLIENT KILL of every connection to the broker."""
    client = experiment.environment.services.redis

    def inject() -> None:
        for kind in ("pubsub", "normal"):
            client.client_kill_filter(_type=kind, skipme=True)

    experiment.inject_under_load(inject, 9, 45)
    experiment.require_no_failure()


def _answers(experiment: Experiment) -> bool:
    with suppress(RedisError):
        return bool(experiment.environment.services.redis.ping())
    return False
