"""A broker that is lost in the middle of a batch's messages."""

from infra.chaos.experiment import FULL_COUNT, Experiment
from infra.chaos.load import BATCH_IMAGES, Batch, accepted, files


def cut_publishing(experiment: Experiment) -> None:
    """Connections that publish end after the k-th of a batch's 20 messages, for every k."""
    every = range(BATCH_IMAGES + 1)
    few = (0, experiment.random.choice(every[1:-1]), BATCH_IMAGES)
    for passing in every if experiment.count >= FULL_COUNT else few:
        experiment.environment.broker.allow(passing)
        batch = Batch(experiment.random.choice(experiment.customers), list(files(BATCH_IMAGES)))
        accepted(batch)  # although its messages are lost, since the rows are written
        experiment.environment.broker.allow()
        experiment.wait_until_ended()
        experiment.figures["injections"] = experiment.figures.get("injections", 0) + 1
    experiment.require_no_failure()
