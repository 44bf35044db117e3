"""Waiting until something has ended: a notification wakes the waiter, the row decides."""

import time
from collections.abc import Callable

from api.caller import account, client_socket, share
from api.context import context
from api.disconnect import has_hung_up
from shared.clients.pubsub import Topic
from shared.errors import TooManyRequestsError, UnavailableError

# So often a waiter looks whether its client is there.
_LOOK_SECONDS = 2.0
# Maximum delay of a waiter when a notification is lost: long while they come, since thousands may
# wait; short while Redis is down.
_REREAD_SECONDS = 15.0
_REREAD_WITHOUT_NEWS_SECONDS = 2.0


def wait_until(topic: Topic, done: Callable[[float], bool], seconds: float) -> None:
    """Returns when `done` is true, after `seconds`, or at once if too many requests wait,
    of all accounts or of this one.

    `done` reads the row, as it was at the moment (by `time.monotonic`) that it is given, or later.
    It is called first, at each notification of the topic, every now and then, and at the end. While
    Postgres is down the wait goes on, because the batch was accepted. The wait ends when the client
    hangs up, so that another request can wait.
    """
    if seconds <= 0:
        return
    try:
        free = context().waiters.take(account().id, share())
    except (TooManyRequestsError, UnavailableError):
        return
    try:
        _wait(topic, done, time.monotonic() + seconds)
    finally:
        free()
        _take_turn()


def _take_turn() -> None:
    """All who wait for one topic are woken at once: each reads and answers when it has a turn."""
    connection = client_socket()
    if connection is not None:
        connection.take_turn(share(), pause=True)


def _give_turn_back() -> None:
    connection = client_socket()
    if connection is not None:
        connection.give_turn_back()


def _wait(topic: Topic, done: Callable[[float], bool], deadline: float) -> None:
    listener = context().listener
    read_again_at = 0.0
    with listener.waiting(topic) as notified:
        while not listener.closing and not has_hung_up():
            is_over = time.monotonic() >= deadline
            if notified.is_set() or time.monotonic() >= read_again_at or is_over:
                notified.clear()
                since = time.monotonic()
                _take_turn()
                if _is_done(done, since) or is_over:
                    return
                _give_turn_back()
                reread = _REREAD_SECONDS if listener.subscribed else _REREAD_WITHOUT_NEWS_SECONDS
                read_again_at = time.monotonic() + reread
            seconds_left = deadline - time.monotonic()
            notified.wait(max(0.0, min(seconds_left, _LOOK_SECONDS)))


def _is_done(done: Callable[[float], bool], since: float) -> bool:
    try:
        return done(since)
    except UnavailableError:
        return False
