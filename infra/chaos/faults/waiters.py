"""Clients that wait for an answer, and clients that hang up."""

import socket
import statistics
import time
from contextlib import ExitStack
from signal import SIGCONT, SIGSTOP
from urllib.parse import urlsplit

from infra.chaos.environment import IMAGE_WORKERS, Environment, eventually
from infra.chaos.experiment import FULL_COUNT, Experiment
from infra.chaos.load import Batch, Customer, accepted, files
from infra.supervision import proc
from shared.db.database import one

_WAITERS = 200
_SLACK = 20  # pools may grow a little; a leak of these waiters would be in the hundreds
_POLLS = 300
_POLL_LIMIT_MS = 100
_SETTLE_SECONDS = 20.0

_COUNT_DATABASE_CONNECTIONS = """
SELECT count(*) AS n FROM pg_stat_activity
"""


def hang_up(experiment: Experiment) -> None:
    """200 clients wait and half of them hang up; nothing stays open, and polls stay fast."""
    _wait_and_hang_up(experiment)  # opens what is opened once and kept
    before = _open_resources(experiment.environment)
    polls = _wait_and_hang_up(experiment)
    settled = eventually(
        lambda: all(
            now <= before[what] + _SLACK
            for what, now in _open_resources(experiment.environment).items()
        ),
        _SETTLE_SECONDS,
    )
    experiment.require(
        settled, f"still open: {before} became {_open_resources(experiment.environment)}"
    )
    p99 = round(1000 * statistics.quantiles(polls, n=100)[-1], 1)
    experiment.figures |= {"waiters": _WAITERS, "poll_ms_p99": p99}
    if experiment.count >= FULL_COUNT:  # a short run may share the machine with other tests
        experiment.require(p99 < _POLL_LIMIT_MS, f"the 99th percentile of a poll was {p99} ms")


def _wait_and_hang_up(experiment: Experiment) -> list[float]:
    """The duration in seconds of each of many polls while all clients wait."""
    customer = experiment.new_customer()
    for name in IMAGE_WORKERS:
        experiment.environment.signal(name, SIGSTOP)
        experiment.environment.signal_pool(name, SIGSTOP)
    with ExitStack() as stack:
        accepted(Batch(customer, list(files(5))))
        waiting = [
            stack.enter_context(_waiter(experiment.environment, customer)) for _ in range(_WAITERS)
        ]
        for one in experiment.random.sample(waiting, _WAITERS // 2):
            waiting.remove(one)
            one.close()
        polls = [_poll(customer) for _ in range(_POLLS)]
        for name in IMAGE_WORKERS:
            experiment.environment.signal_pool(name, SIGCONT)
            experiment.environment.signal(name, SIGCONT)
        answered = sum(one.recv(15) == b"HTTP/1.1 200 OK" for one in waiting)
        experiment.require(answered == len(waiting), f"{answered} of {len(waiting)} were answered")
    experiment.wait_until_ended()
    return polls


def _waiter(environment: Environment, customer: Customer) -> socket.socket:
    address = urlsplit(environment.url)
    connection = socket.create_connection((address.hostname or "", address.port or 80), 60)
    connection.sendall(
        f"GET /api/sessions/{customer.session}?wait=60 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {customer.api_key}\r\n\r\n".encode()
    )
    return connection


def _poll(customer: Customer) -> float:
    started = time.monotonic()
    customer.client.session(customer.session, limit=100)
    return time.monotonic() - started


def _open_resources(environment: Environment) -> dict[str, int]:
    """What waiting clients hold open in the servers and in the API's processes."""
    broker = environment.services.redis
    channels = broker.pubsub_channels()
    with environment.services.database.transaction() as connection:
        row = one(connection.execute(_COUNT_DATABASE_CONNECTIONS).fetchone())
    workers = proc.children(environment.pid("web") or 0)
    return {
        "subscriptions": sum(count for _, count in broker.pubsub_numsub(*channels)),
        "connections to the broker": len(broker.client_list()),
        "connections to the database": row["n"],
        "sockets of the API": sum(proc.open_sockets(pid) for pid in workers),
    }
