"""Workers that die while they wait for the model."""

from signal import SIGKILL

from infra.chaos.environment import IMAGE_WORKERS, eventually
from infra.chaos.experiment import Trial
from infra.dev.messages_api import Answer

_AI = {"autoAltText": "true", "autoRenameSEO": "true"}
_CALL_SECONDS = 20.0  # to come up again, and to have something to ask
# A lease that allows for a slow provider outlasts a short run: as if its time had passed.
_END_LEASES = "UPDATE images SET lease_until = now() WHERE state = 'describing'"


def kill_describers(trial: Trial) -> None:
    """kill -9 of the worker that waits for the model, and of one for pixels with it."""
    stage, random = trial.stage, trial.random
    stage.model.otherwise = lambda _: Answer(delay_seconds=random.uniform(0.1, 1.0))

    def strike() -> None:
        eventually(lambda: stage.model.in_flight, _CALL_SECONDS)  # else it waits for nothing
        stage.signal_pool(random.choice(IMAGE_WORKERS), SIGKILL)
        stage.signal("ai", SIGKILL)
        with stage.services.database.autocommit() as connection:
            connection.execute(_END_LEASES)

    trial.storm(strike, 12, 50, fields=_AI)
    trial.figures["calls"] = len(stage.model.requests)
