"""Many requests at the same moment, for the same thing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from fluximage import PlanError, Source
from infra.chaos.experiment import COUNT_LEDGER_ENTRIES, Experiment
from infra.chaos.load import Batch, accepted, picture
from shared.plans import Plan

_REPEATS = 100
_CLIENTS = 50
_LEFT = 10


def repeat_request(experiment: Experiment) -> None:
    """The same request under one Idempotency-Key, a hundred times at once."""
    batch = Batch(experiment.customers[0], [Source(picture(), "a.png")])
    start = Barrier(_REPEATS)

    def repeat(_: int) -> str:
        start.wait()
        return accepted(batch).batch_id

    with ThreadPoolExecutor(_REPEATS) as pool:
        answers = set(pool.map(repeat, range(_REPEATS)))
    experiment.wait_until_ended()
    experiment.figures["requests"] = _REPEATS
    experiment.require(len(answers) == 1, f"{len(answers)} batches were made of one request")
    charges = experiment.query_number(COUNT_LEDGER_ENTRIES, "spent")
    experiment.require(charges == 1, f"one image was charged {charges} times")


def spend_last_credits(experiment: Experiment) -> None:
    """Fifty requests for one image each at once, on an account that has ten images left."""
    customer, image = experiment.new_customer(Plan.FREE), Source(picture(), "a.png")
    accepted(Batch(customer, [image] * _LEFT))  # of 20
    start = Barrier(_CLIENTS)

    def race(_: int) -> str:
        start.wait()
        try:
            return customer.client.send([image], session_id=customer.session).status
        except PlanError:
            return "refused"

    with ThreadPoolExecutor(_CLIENTS) as pool:
        answers = Counter(pool.map(race, range(_CLIENTS)))
    experiment.wait_until_ended()
    experiment.figures |= {"requests": _CLIENTS, "refused": answers["refused"]}
    ended_well = answers["refused"] == _CLIENTS - _LEFT
    experiment.require(ended_well, f"{_LEFT} credits were answered with {dict(answers)}")
