"""One fault's run: its load, its random numbers, and its outcome."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from random import Random
from typing import LiteralString
from uuid import uuid4

from fluximage import Client, Options, Source
from infra.chaos import deliveries, rules
from infra.chaos.environment import Environment, eventually
from infra.chaos.load import BATCH_IMAGES, PATIENCE_SECONDS, Batch, Customer, files, send
from infra.chaos.outcome import Outcome
from shared.db import accounts
from shared.db.database import one
from shared.errors import OperatorError
from shared.plans import Plan

FULL_COUNT = 1_000
_CUSTOMERS = 3
_WAIT_SECONDS = 5
_END_SECONDS = 300.0
_LATE = {"a late commit was refused", "a late description was refused"}

_COUNT_IMAGES = """
SELECT count(*) FROM images
"""
_COUNT_ENDED_IMAGES = """
SELECT count(*) FROM images WHERE ended_number IS NOT NULL
"""
_COUNT_IMAGES_IN_STATE = """
SELECT count(*) FROM images WHERE state = %s
"""
_COUNT_GOOD_IMAGES_THAT_FAILED = """
SELECT count(*) FROM images WHERE state = 'failed' AND error_code <> 'unsupported_image'
"""
_COUNT_OPEN_BATCHES = """
SELECT count(*) FROM batches WHERE closed_at IS NULL
"""
COUNT_LEDGER_ENTRIES = """
SELECT count(*) FROM ledger WHERE kind = %s
"""
# How many images or batches had an event more than so many times.
COUNT_REPEATED_EVENTS = """
SELECT count(*)
FROM (SELECT FROM chaos_events WHERE event = %s GROUP BY id HAVING count(*) > %s) AS repeated
"""

Fault = Callable[["Experiment"], None]


class Experiment:
    """What a fault works with. It adds to `figures` and `violations`."""

    def __init__(self, environment: Environment, count: int, random: Random) -> None:
        """count: images of the load; below FULL_COUNT a fault is injected less often."""
        self.environment = environment
        self.count = count
        self.random = random
        self.all_customers: list[Customer] = []
        self.customers = [self.new_customer() for _ in range(_CUSTOMERS)]
        self.figures: dict[str, float] = {}
        self.violations: list[str] = []
        self._logs = {log: log.stat().st_size for log in environment.logs.glob("*.log")}

    def new_customer(self, plan: Plan = Plan.AGENCY) -> Customer:
        """Creates an account with that plan."""
        key = accounts.create(self.environment.services.database, f"chaos-{uuid4()}", plan)
        client = Client(self.environment.url, key, retry_seconds=PATIENCE_SECONDS)
        self.all_customers.append(Customer(client, key, str(uuid4())))
        return self.all_customers[-1]

    def close(self) -> None:
        """Closes the customers' connections."""
        for customer in self.all_customers:
            customer.client.close()

    def scaled(self, full: float) -> int:
        """`full`, which fits FULL_COUNT images, scaled to the count of this load; at least 1."""
        return math.ceil(full * min(self.count, FULL_COUNT) / FULL_COUNT)

    def require(self, holds: object, sentence: str) -> None:
        """Notes the sentence as a violation unless `holds`."""
        if not holds:
            self.violations.append(sentence)

    def inject_under_load(
        self,
        inject: Callable[[], object],
        full_times: int,
        full_seconds: float,
        uploads: Sequence[Source] | None = None,
        options: Options | None = None,
        *,
        one_by_one: bool = False,
    ) -> None:
        """Injects faults while clients send the uploads, and waits until all images have ended.

        one_by_one: each in a request of its own that waits for it; else in full batches.
        With FULL_COUNT images `inject` is called full_times within full_seconds, its own duration
        not counted; with fewer images both are scaled.
        """
        sent = list(files(self.count)) if uploads is None else uploads
        times, seconds = self.scaled(full_times), float(self.scaled(full_seconds))
        with ThreadPoolExecutor(1) as pool:
            batches = self._batches(sent, options or Options(), one_by_one=one_by_one)
            sending = pool.submit(send, batches, seconds)
            for _ in range(times):
                before = self.random.uniform(0, seconds / times)
                time.sleep(before)
                inject()
                time.sleep(seconds / times - before)
            sending.result()
        self.figures["injections"] = times
        self.wait_until_ended()
        images = self.query_number(_COUNT_IMAGES)
        self.require(
            images == len(sent), f"{len(sent)} images were sent, {images} are in the database"
        )

    def _batches(
        self, sent: Sequence[Source], options: Options, *, one_by_one: bool
    ) -> list[Batch]:
        size, wait_seconds = (1, _WAIT_SECONDS) if one_by_one else (BATCH_IMAGES, 0)
        starts = range(0, len(sent), size)
        return [
            Batch(customer, sent[start : start + size], options, wait_seconds=wait_seconds)
            for start, customer in zip(starts, cycle(self.customers), strict=False)
        ]

    def wait_until_ended(self) -> None:
        """Waits until all accepted batches have closed; a violation when that takes too long."""
        ended = eventually(lambda: not self.query_number(_COUNT_OPEN_BATCHES), _END_SECONDS)
        self.require(ended, f"not all batches have closed {_END_SECONDS:.0f} s after the fault")

    def require_no_failure(self) -> None:
        """Only files that are no images may have failed."""
        failed = self.query_number(_COUNT_GOOD_IMAGES_THAT_FAILED)
        self.require(not failed, f"{failed} good images failed")

    def late_commits(self) -> int:
        """How many commits were refused so far, by the workers' logs."""
        found = 0
        for log, size in self._logs.items():
            with log.open("rb") as file:
                file.seek(size)
                for line in file:
                    if line.startswith(b"{") and b"late" in line:
                        found += json.loads(line)["message"] in _LATE
        return found

    @contextmanager
    def require_alive(self, *names: str) -> Iterator[None]:
        """Requires that the processes of these names live through the block."""
        before = {name: self.environment.pid(name) for name in names}
        yield
        for name, pid in before.items():
            self.require(pid == self.environment.pid(name), f"the main process of {name} ended")

    def query_number(self, statement: LiteralString, *parameters: object) -> int:
        """The one number that a statement returns."""
        with self.environment.services.database.transaction() as connection:
            row = one(connection.execute(statement, parameters or None).fetchone())
        return int(next(iter(row.values())))


def run(environment: Environment, fault: Fault, seed: int, count: int) -> Outcome:
    """Injects the fault into an empty service, and checks every rule afterwards."""
    environment.clear()
    name = fault.__name__
    experiment = Experiment(environment, count, Random(f"{seed} {name}"))
    started = time.monotonic()
    try:
        fault(experiment)
    except OperatorError as error:
        experiment.violations.append(error.message)
    experiment.wait_until_ended()
    seconds = time.monotonic() - started
    environment.wait_until_ready()
    outcome = Outcome(
        fault=name,
        seed=seed,
        images=experiment.query_number(_COUNT_IMAGES),
        ended=experiment.query_number(_COUNT_ENDED_IMAGES),
        done=experiment.query_number(_COUNT_IMAGES_IN_STATE, "done"),
        failed=experiment.query_number(_COUNT_IMAGES_IN_STATE, "failed"),
        charges=experiment.query_number(COUNT_LEDGER_ENTRIES, "spent"),
        refunds=experiment.query_number(COUNT_LEDGER_ENTRIES, "released"),
        ran_more_than_once=experiment.query_number(COUNT_REPEATED_EVENTS, "claimed", 1),
        late_commits_refused=experiment.late_commits(),
        batches_closed_twice=experiment.query_number(COUNT_REPEATED_EVENTS, "closed", 1),
        seconds=round(seconds, 1),
        other_figures=experiment.figures,
        violations=[
            *experiment.violations,
            *rules.violations(environment.services.database),
            *deliveries.violations(environment, experiment.all_customers),
            *deliveries.violations_in_store(environment),
        ],
    )
    experiment.close()
    return outcome
