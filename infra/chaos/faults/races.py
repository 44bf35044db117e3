"""Many requests at one moment, for the same thing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from infra.chaos.experiment import Trial
from infra.chaos.load import ASYNC, Batch, accepted, picture
from shared.plans import Plan

_REPEATS = 100
_RACERS = 50
_LEFT = 10


def repeat_request(trial: Trial) -> None:
    """The same request under one Idempotency-Key, a hundred times at once."""
    batch = Batch(trial.customers[0], [("a.png", picture())], {})
    start = Barrier(_REPEATS)

    def repeat(_: int) -> str:
        start.wait()
        return str(accepted(batch)["batch_id"])

    with ThreadPoolExecutor(_REPEATS) as pool:
        answers = set(pool.map(repeat, range(_REPEATS)))
    trial.await_end()
    trial.figures["requests"] = _REPEATS
    trial.demand(len(answers) == 1, f"{len(answers)} batches were made of one request")
    charges = trial.tally("SELECT count(*) FROM ledger WHERE kind = 'spent'")
    trial.demand(charges == 1, f"one image was charged {charges} times")


def spend_last_credits(trial: Trial) -> None:
    """Fifty requests of one image at once, of an account that has ten images left."""
    racer, data = trial.customer(Plan.FREE), picture()
    accepted(Batch(racer, [("a.png", data)] * _LEFT, {}))  # of 20
    start = Barrier(_RACERS)

    def race(_: int) -> int:
        start.wait()
        fields = {"sessionId": racer.session}
        return racer.client.compress([("a.png", data)], fields, headers=ASYNC)[0]

    with ThreadPoolExecutor(_RACERS) as pool:
        statuses = Counter(pool.map(race, range(_RACERS)))
    trial.await_end()
    trial.figures |= {"requests": _RACERS, "refused": statuses[403]}
    ended_well = statuses[200] + statuses[202] == _LEFT and statuses[403] == _RACERS - _LEFT
    trial.demand(ended_well, f"{_LEFT} credits were answered with {dict(statuses)}")
