"""The processes of the service and their command lines, defined once.

`fluximage up` (infra/commands/up.py) and chaos (infra/chaos/environment.py) start them from here.
Procfile, docker-compose.yml and infra/container/Dockerfile repeat the command lines, because other
programs read them; tests/infra/test_processes.py compares all.
"""

import os
from dataclasses import dataclass
from typing import Literal

from shared.clients.celery_queue import AI_QUEUE, CALLS_QUEUE, EXPRESS_QUEUE, IMAGES_QUEUE, IO_QUEUE
from shared.db.webhook_calls import CALLS_AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process: `python -m module` with `options`.

    It may take `grace_seconds` to end after SIGTERM. One that `needs_provider` has work only
    where an AI provider is configured.
    """

    name: str
    module: str
    options: tuple[str, ...] = ()
    grace_seconds: float = 10.0
    needs_provider: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The module and its options: what follows `python -m`."""
        return self.module, *self.options


@dataclass(frozen=True, kw_only=True)
class CeleryWorker(Process):
    """A Celery worker on one queue, and on others `besides`.

    `concurrency` is the number of processes (prefork) or threads; None: whoever starts it decides.
    `node` is its name among workers; None: that of the queue.
    """

    queue: str
    besides: tuple[str, ...] = ()
    pool: Literal["prefork", "threads"]
    concurrency: int | str | None = None
    node: str | None = None
    app: str = "workers.celery"
    module: str = "celery"
    # A worker first finishes the images it has in hand. After an earlier SIGKILL their messages
    # would stay unacknowledged.
    grace_seconds: float = 20.0

    @property
    def arguments(self) -> tuple[str, ...]:
        """The module and its options: what follows `python -m`."""
        count = () if self.concurrency is None else ("--concurrency", str(self.concurrency))
        return (
            *(self.module, "--quiet", "--app", self.app, "worker"),
            *("--queues", ",".join((self.queue, *self.besides)), "--pool", self.pool, *count),
            *("--hostname", f"{self.node or self.queue}@%h", "--loglevel", "warning"),
            # Workers would tell each other of every event, and nothing here listens.
            *("--without-gossip", "--without-mingle", *self.options),
        )


WEB = Process(
    name="web",
    module="api",
    grace_seconds=15.0,
)
# It takes small images too while it has nothing else to do, and where no `express` runs.
WORKER = CeleryWorker(name="worker", queue=IMAGES_QUEUE, besides=(EXPRESS_QUEUE,), pool="prefork")
EXPRESS = CeleryWorker(name="express", queue=EXPRESS_QUEUE, pool="prefork", concurrency=2)
AI = CeleryWorker(name="ai", queue=AI_QUEUE, pool="threads", needs_provider=True)
IO = CeleryWorker(name="io", queue=IO_QUEUE, pool="threads", concurrency=32)
CALLS = CeleryWorker(name="calls", queue=CALLS_QUEUE, pool="threads", concurrency=CALLS_AT_ONCE)
PERIODIC = Process(name="periodic", module="workers.periodic")

PROCESSES = (WEB, WORKER, EXPRESS, AI, IO, CALLS, PERIODIC)  # in the order of their start


def express_processes(cores: int) -> int:
    """How many processes the lane for small images has on a machine with so many cores."""
    return max(2, cores // 2)


def usable_cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1
