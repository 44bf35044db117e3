"""A broker that is lost half-way through the messages of a batch."""

from infra.chaos.experiment import FULL_COUNT, Trial
from infra.chaos.load import BATCH_IMAGES, Batch, accepted, files


def cut_publishing(trial: Trial) -> None:
    """Connections that publish end after the k-th of a batch's 20 messages, for every k."""
    every = range(BATCH_IMAGES + 1)
    few = (0, trial.random.choice(every[1:-1]), BATCH_IMAGES)
    for passing in every if trial.count >= FULL_COUNT else few:
        trial.stage.broker.allow(passing)
        batch = Batch(trial.random.choice(trial.customers), list(files(BATCH_IMAGES)), {})
        accepted(batch)  # though its messages do not get through: the rows are there
        trial.stage.broker.allow()
        trial.await_end()
        trial.figures["strikes"] = trial.figures.get("strikes", 0) + 1
    trial.demand_no_failure()
