"""A broker that forgets, fills up, dies, and hangs up on everyone."""

import time
from contextlib import suppress
from signal import SIGKILL

from redis.exceptions import RedisError

from infra.chaos.environment import IMAGE_WORKERS, eventually
from infra.chaos.experiment import Trial

_FULL_SECONDS = 2.0
_BACK_SECONDS = 30.0


def empty_broker(trial: Trial) -> None:
    """FLUSHALL."""
    trial.storm(trial.stage.services.redis.flushall, 9, 50)
    trial.demand_no_failure()


def fill_broker(trial: Trial) -> None:
    """The broker has no memory left for two seconds, and refuses what is written."""
    client = trial.stage.services.redis

    def strike() -> None:
        client.config_set("maxmemory", "1")
        time.sleep(_FULL_SECONDS)
        client.config_set("maxmemory", "0")

    with trial.sparing(*IMAGE_WORKERS, "io", "ai", "periodic"):
        trial.storm(strike, 9, 40)
    trial.demand_no_failure()


def crash_broker(trial: Trial) -> None:
    """kill -9 of the broker, which starts again with what it had written to its disk."""

    def strike() -> None:
        trial.stage.signal("valkey", SIGKILL)
        time.sleep(0.1)
        trial.demand(eventually(lambda: _answers(trial), _BACK_SECONDS), "the broker stays away")

    trial.storm(strike, 9, 40)
    trial.demand_no_failure()


def cut_connections(trial: Trial) -> None:
    """CLIENT KILL of every connection to the broker."""
    client = trial.stage.services.redis

    def strike() -> None:
        for kind in ("pubsub", "normal"):
            client.client_kill_filter(_type=kind, skipme=True)

    trial.storm(strike, 9, 45)
    trial.demand_no_failure()


def _answers(trial: Trial) -> bool:
    with suppress(RedisError):
        return bool(trial.stage.services.redis.ping())
    return False
