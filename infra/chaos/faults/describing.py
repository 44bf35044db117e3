"""Workers that are killed while they wait for the model."""

from signal import SIGKILL

from fluximage import Options
from infra.chaos.environment import IMAGE_WORKERS, eventually
from infra.chaos.experiment import Experiment
from infra.dev.messages_api import Answer

_AI = Options(alt_text=True, rename=True)
_CALL_SECONDS = 20.0  # until the worker has restarted and has called the model
# This lease allows for a slow provider and would outlast a short run, so it is ended at once.
_END_LEASES = """
UPDATE images SET lease_until = now() WHERE state = 'describing'
"""


def kill_describers(experiment: Experiment) -> None:
    """kill -9 of the worker that waits for the model, and of one for pixels with it."""
    environment, random = experiment.environment, experiment.random
    environment.model.otherwise = lambda _: Answer(delay_seconds=random.uniform(0.1, 1.0))

    def inject() -> None:
        eventually(
            lambda: environment.model.in_flight, _CALL_SECONDS
        )  # else the worker has no call
        environment.signal_pool(random.choice(IMAGE_WORKERS), SIGKILL)
        environment.signal("ai", SIGKILL)
        with environment.services.database.transaction() as connection:
            connection.execute(_END_LEASES)

    experiment.inject_under_load(inject, 12, 50, options=_AI)
    experiment.figures["calls"] = len(environment.model.requests)
