"""Waiting for something to end: woken by news, decided by the row."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from api.context import context
from api.disconnect import has_hung_up
from api.fields import refusal
from shared.clients.pubsub import Topic
from shared.errors import UnavailableError

# Lost news (Redis away, a dropped connection) costs a waiter this long.
_REREAD_SECONDS = 2.0


@dataclass(frozen=True)
class Preference:
    """What a Prefer header asks for (RFC 7240); `applied` is what we honour of it."""

    seconds: float
    applied: str | None


def preference(limit_seconds: int) -> Preference:
    """How long to wait for a batch, at most `limit_seconds`; that is also the default.

    `respond-async` alone waits not at all; with `wait=N` it waits N seconds. What cannot be
    read is ignored, as the RFC demands.
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


def whole_argument(name: str, low: int, high: int, default: int) -> int:
    """A query parameter that is a whole number; raises InvalidFieldError."""
    text = request.args.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high:
        return int(text)
    raise refusal(name, text, f"a whole number from {low} to {high}")


def wait_until(topic: Topic, done: Callable[[], bool], seconds: float) -> None:
    """Returns when `done()`, after `seconds`, or at once when too many wait already.

    `done` reads the row. It is asked first, at each news of the topic, and every few seconds;
    an outage of Postgres is waited through, since what is waited for was accepted. A client
    that has hung up is waited for no longer: its place goes to another.
    """
    if seconds <= 0:
        return
    listener = context().listener
    if listener.waiters >= context().services.settings.max_waiters:
        return
    deadline = time.monotonic() + seconds
    with listener.waiting(topic) as news:
        while not _asked(done) and not listener.closing and not has_hung_up():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            news.wait(min(left, _REREAD_SECONDS))
            news.clear()


def _asked(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except UnavailableError:
        return False
