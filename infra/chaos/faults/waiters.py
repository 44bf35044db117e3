"""Clients that wait, and clients that do so no longer."""

import socket
import statistics
import time
from contextlib import ExitStack
from signal import SIGCONT, SIGSTOP
from urllib.parse import urlsplit

from infra.chaos.environment import IMAGE_WORKERS, Stage, eventually
from infra.chaos.experiment import FULL_COUNT, Trial
from infra.chaos.load import Batch, Customer, accepted, files
from infra.supervision import proc
from shared.db.database import one

_WAITERS = 200
_SLACK = 20  # pools grow now and then; what waiters leave behind would count in hundreds
_POLLS = 300
_POLL_LIMIT_MS = 100
_SETTLE_SECONDS = 20.0


def hang_up(trial: Trial) -> None:
    """200 clients wait and half of them hang up: nothing is left of them, and polls stay quick."""
    _wait_and_hang_up(trial)  # whatever is opened once and kept
    before = _held(trial.stage)
    polls = _wait_and_hang_up(trial)
    settled = eventually(
        lambda: all(now <= before[what] + _SLACK for what, now in _held(trial.stage).items()),
        _SETTLE_SECONDS,
    )
    trial.demand(settled, f"left behind: {before} became {_held(trial.stage)}")
    p99 = round(1000 * statistics.quantiles(polls, n=100)[-1], 1)
    trial.figures |= {"waiters": _WAITERS, "poll_ms_p99": p99}
    if trial.count >= FULL_COUNT:  # not beside whatever else runs with a short form
        trial.demand(p99 < _POLL_LIMIT_MS, f"the 99th percentile of a poll was {p99} ms")


def _wait_and_hang_up(trial: Trial) -> list[float]:
    """Seconds of each of many polls while all of them wait."""
    customer = trial.customer()
    for name in IMAGE_WORKERS:
        trial.stage.signal(name, SIGSTOP)
        trial.stage.signal_pool(name, SIGSTOP)
    with ExitStack() as stack:
        accepted(Batch(customer, list(files(5)), {}))
        waiting = [stack.enter_context(_waiter(trial.stage, customer)) for _ in range(_WAITERS)]
        for one in trial.random.sample(waiting, _WAITERS // 2):
            waiting.remove(one)
            one.close()
        polls = [_poll(customer) for _ in range(_POLLS)]
        for name in IMAGE_WORKERS:
            trial.stage.signal_pool(name, SIGCONT)
            trial.stage.signal(name, SIGCONT)
        answered = sum(one.recv(15) == b"HTTP/1.1 200 OK" for one in waiting)
        trial.demand(answered == len(waiting), f"{answered} of {len(waiting)} were answered")
    trial.await_end()
    return polls


def _waiter(stage: Stage, customer: Customer) -> socket.socket:
    address = urlsplit(stage.url)
    connection = socket.create_connection((address.hostname or "", address.port or 80), 60)
    connection.sendall(
        f"GET /api/sessions/{customer.session}?wait=60 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {customer.client.authorization}\r\n\r\n".encode()
    )
    return connection


def _poll(customer: Customer) -> float:
    started = time.monotonic()
    customer.client.get(f"/api/sessions/{customer.session}")
    return time.monotonic() - started


def _held(stage: Stage) -> dict[str, int]:
    """What waiting takes of the servers and of the API's processes."""
    broker = stage.services.redis
    channels = broker.pubsub_channels()
    with stage.services.database.autocommit() as connection:
        row = one(connection.execute("SELECT count(*) AS n FROM pg_stat_activity").fetchone())
    workers = proc.children(stage.pid("web") or 0)
    return {
        "subscriptions": sum(count for _, count in broker.pubsub_numsub(*channels)),
        "connections to the broker": len(broker.client_list()),
        "connections to the database": row["n"],
        "sockets of the API": sum(proc.open_sockets(pid) for pid in workers),
    }
