"""Waiting until something has ended: a notification wakes the waiter, the row decides."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from api.context import context
from api.disconnect import has_hung_up
from shared.clients.pubsub import Topic
from shared.errors import UnavailableError

# How late a waiter is at most where a notification is lost, as while Redis is down.
_REREAD_SECONDS = 2.0


@dataclass(frozen=True)
class Preference:
    """What a Prefer header asks for (RFC 7240); `applied` is the part that is honoured, if any."""

    seconds: float
    applied: str | None


def preference(limit_seconds: int) -> Preference:
    """Returns how long to wait for a batch: at most `limit_seconds`, which is also the default.

    `respond-async` alone means no wait, and N seconds beside `wait=N`. Values that are not
    understood are ignored, as the RFC demands.
    """
    asynchronous, seconds = False, None
    for token in ",".join(request.headers.getlist("Prefer")).split(","):
        name, _, value = (part.strip() for part in token.partition(";")[0].partition("="))
        value = value.strip('"')
        if name.lower() == "respond-async":
            asynchronous = True
        elif name.lower() == "wait" and seconds is None and value.isascii() and value.isdigit():
            seconds = min(int(value[:9]), limit_seconds)
    if asynchronous and seconds is None:
        return Preference(0, "respond-async")
    if seconds is None:
        return Preference(limit_seconds, None)
    applied = f"wait={seconds}"
    return Preference(seconds, f"respond-async, {applied}" if asynchronous else applied)


def wait_until(topic: Topic, done: Callable[[], bool], seconds: float) -> None:
    """Returns when `done()` is true, after `seconds`, or at once if too many requests wait.

    `done` reads the row. It is called first, at each notification of the topic and every few
    seconds. While Postgres is down the wait goes on, because the batch was accepted. The wait
    ends when the client hangs up, so that another request can wait.
    """
    if seconds <= 0:
        return
    listener = context().listener
    if listener.waiters >= context().services.settings.max_waiters:
        return
    deadline = time.monotonic() + seconds
    with listener.waiting(topic) as notified:
        while not _is_done(done) and not listener.closing and not has_hung_up():
            seconds_left = deadline - time.monotonic()
            if seconds_left <= 0:
                return
            notified.wait(min(seconds_left, _REREAD_SECONDS))
            notified.clear()


def _is_done(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except UnavailableError:
        return False
