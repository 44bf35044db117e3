"""One fault's run: its load, its dice, and what comes of it."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from random import Random
from uuid import uuid4

from infra.chaos import deliveries, rules
from infra.chaos.environment import Stage, eventually
from infra.chaos.load import BATCH_IMAGES, Batch, Customer, files, send
from infra.chaos.outcome import Outcome
from infra.client import Client, File
from shared.db import accounts
from shared.db.database import one
from shared.errors import OperatorError
from shared.plans import Plan

FULL_COUNT = 1_000
_CUSTOMERS = 3
_END_SECONDS = 300.0
_LATE = {"a late commit was refused", "a late description was refused"}

Fault = Callable[["Trial"], None]


class Trial:
    """What a fault works with. `figures` and `complaints` are for it to add to."""

    def __init__(self, stage: Stage, count: int, random: Random) -> None:
        """count: images of the load; with FULL_COUNT of them a fault strikes in full."""
        self.stage = stage
        self.count = count
        self.random = random
        self.everyone: list[Customer] = []
        self.customers = [self.customer() for _ in range(_CUSTOMERS)]
        self.figures: dict[str, float] = {}
        self.complaints: list[str] = []
        self._logs = {log: log.stat().st_size for log in stage.logs.glob("*.log")}

    def customer(self, plan: Plan = Plan.AGENCY) -> Customer:
        """A new account of that plan."""
        key = accounts.create(self.stage.services.database, f"chaos-{uuid4()}", plan)
        self.everyone.append(Customer(Client(self.stage.url, key), str(uuid4())))
        return self.everyone[-1]

    def share(self, full: float) -> int:
        """Of what there is with FULL_COUNT images, as much as goes with fewer, at least 1."""
        return math.ceil(full * min(self.count, FULL_COUNT) / FULL_COUNT)

    def demand(self, holds: object, sentence: str) -> None:
        """Notes the sentence as a complaint where that does not hold."""
        if not holds:
            self.complaints.append(sentence)

    def storm(
        self,
        strike: Callable[[], object],
        full_times: int,
        full_seconds: float,
        uploads: Sequence[File] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """Strikes while clients send the uploads, and waits until all of them have ended.

        With FULL_COUNT images it strikes so often within so many seconds, what the strikes take
        not counted; with fewer in proportion.
        """
        sent = list(files(self.count)) if uploads is None else uploads
        times, seconds = self.share(full_times), float(self.share(full_seconds))
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send, self._batches(sent, fields or {}), seconds)
            for _ in range(times):
                before = self.random.uniform(0, seconds / times)
                time.sleep(before)
                strike()
                time.sleep(seconds / times - before)
            sending.result()
        self.figures["strikes"] = times
        self.await_end()
        images = self.tally("SELECT count(*) FROM images")
        self.demand(images == len(sent), f"{len(sent)} images were sent, {images} are there")

    def _batches(self, sent: Sequence[File], fields: Mapping[str, str]) -> list[Batch]:
        starts = range(0, len(sent), BATCH_IMAGES)
        return [
            Batch(customer, sent[start : start + BATCH_IMAGES], fields)
            for start, customer in zip(starts, cycle(self.customers), strict=False)
        ]

    def await_end(self) -> None:
        """Waits until all that was accepted has ended; a complaint when that takes too long."""
        ended = eventually(
            lambda: not self.tally("SELECT count(*) FROM batches WHERE closed_at IS NULL"),
            _END_SECONDS,
        )
        self.demand(ended, f"not all batches have closed {_END_SECONDS:.0f} s after the fault")

    def demand_no_failure(self) -> None:
        """Only what is no picture may have failed, with the code that says so."""
        spoiled = self.tally(
            "SELECT count(*) FROM images WHERE state = 'failed'"
            " AND error_code <> 'unsupported_image'"
        )
        self.demand(not spoiled, f"{spoiled} good images failed")

    def late_commits(self) -> int:
        """How many commits were refused so far, as the workers' logs tell."""
        found = 0
        for log, size in self._logs.items():
            with log.open("rb") as file:
                file.seek(size)
                for line in file:
                    if line.startswith(b"{") and b"late" in line:
                        found += json.loads(line)["message"] in _LATE
        return found

    @contextmanager
    def sparing(self, *names: str) -> Iterator[None]:
        """Demands that the processes of these names live through the block."""
        before = {name: self.stage.pid(name) for name in names}
        yield
        for name, pid in before.items():
            self.demand(pid == self.stage.pid(name), f"the main process of {name} ended")

    def tally(self, statement: str) -> int:
        """The one number that a statement gives."""
        with self.stage.services.database.autocommit() as connection:
            row = one(connection.execute(statement.encode()).fetchone())
        return int(next(iter(row.values())))


def run(stage: Stage, fault: Fault, seed: int, count: int) -> Outcome:
    """Lets the fault loose on an empty stage, and holds what comes of it against the rules."""
    stage.clear()
    name = fault.__name__
    trial = Trial(stage, count, Random(f"{seed} {name}"))
    started = time.monotonic()
    try:
        fault(trial)
    except OperatorError as error:
        trial.complaints.append(error.message)
    trial.await_end()
    seconds = time.monotonic() - started
    stage.await_ready()
    return Outcome(
        fault=name,
        seed=seed,
        images=trial.tally("SELECT count(*) FROM images"),
        ended=trial.tally("SELECT count(*) FROM images WHERE ended_number IS NOT NULL"),
        done=trial.tally("SELECT count(*) FROM images WHERE state = 'done'"),
        failed=trial.tally("SELECT count(*) FROM images WHERE state = 'failed'"),
        charges=trial.tally("SELECT count(*) FROM ledger WHERE kind = 'spent'"),
        refunds=trial.tally("SELECT count(*) FROM ledger WHERE kind = 'released'"),
        ran_more_than_once=trial.tally(_MORE_THAN_ONCE.format("claimed")),
        late_commits_refused=trial.late_commits(),
        batches_closed_twice=trial.tally(_MORE_THAN_ONCE.format("closed")),
        seconds=round(seconds, 1),
        besides=trial.figures,
        broken=[
            *trial.complaints,
            *rules.broken(stage.services.database),
            *deliveries.broken(stage, trial.everyone),
            *deliveries.untidy(stage),
        ],
    )


_MORE_THAN_ONCE = (
    "SELECT count(*) FROM (SELECT FROM chaos_events WHERE event = '{}'"
    " GROUP BY id HAVING count(*) > 1) AS often"
)
