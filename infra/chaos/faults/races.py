"""Many requests at the same moment, for the same thing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from infra.chaos.experiment import COUNT_LEDGER_ENTRIES, Experiment
from infra.chaos.load import ASYNC, Batch, accepted, picture
from shared.plans import Plan

_REPEATS = 100
_CLIENTS = 50
_LEFT = 10


def repeat_request(experiment: Experiment) -> None:
    """The same request under one Idempotency-Key, a hundred times at once."""
    batch = Batch(experiment.customers[0], [("a.png", picture())], {})
    start = Barrier(_REPEATS)

    def repeat(_: int) -> str:
        start.wait()
        return str(accepted(batch)["batch_id"])

    with ThreadPoolExecutor(_REPEATS) as pool:
        answers = set(pool.map(repeat, range(_REPEATS)))
    experiment.wait_until_ended()
    experiment.figures["requests"] = _REPEATS
    experiment.require(len(answers) == 1, f"{len(answers)} batches were made of one request")
    charges = experiment.query_number(COUNT_LEDGER_ENTRIES, "spent")
    experiment.require(charges == 1, f"one image was charged {charges} times")


def spend_last_credits(experiment: Experiment) -> None:
    """Fifty requests for one image each at once, on an account that has ten images left."""
    customer, data = experiment.new_customer(Plan.FREE), picture()
    accepted(Batch(customer, [("a.png", data)] * _LEFT, {}))  # of 20
    start = Barrier(_CLIENTS)

    def race(_: int) -> int:
        start.wait()
        fields = {"sessionId": customer.session}
        return customer.client.compress([("a.png", data)], fields, headers=ASYNC)[0]

    with ThreadPoolExecutor(_CLIENTS) as pool:
        statuses = Counter(pool.map(race, range(_CLIENTS)))
    experiment.wait_until_ended()
    experiment.figures |= {"requests": _CLIENTS, "refused": statuses[403]}
    ended_well = statuses[200] + statuses[202] == _LEFT and statuses[403] == _CLIENTS - _LEFT
    experiment.require(ended_well, f"{_LEFT} credits were answered with {dict(statuses)}")
