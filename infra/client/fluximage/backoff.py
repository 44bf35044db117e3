"""Waiting between the attempts of a call: exponential, with jitter, and as Retry-After says."""

import random
import threading
import time
from collections.abc import Callable

from fluximage.errors import FluximageError, Temporary

OnRetry = Callable[[Temporary, float], object]

_FIRST_SECONDS = 0.5
_MOST_SECONDS = 30.0
_WORK_LIMIT = "work_limit"  # of an hour, whose end the service names
_PATIENT_SECONDS = 60.0  # with less, a person waits for the first word, and not for an hour


class Stopped(FluximageError):  # noqa: N818 - it ends a thread, and is no error
    """The results are no longer read, so this call ends; nobody sees it."""


class Backoff:
    """The attempts of one call.

    "Full jitter" (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so
    that many clients of a service that comes back do not ask at the same moment.
    """

    def __init__(
        self,
        retry_seconds: float,
        stop: threading.Event | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        """retry_seconds: how long after the first failure the last attempt may begin. What the
        service asks to wait for an hour's CPU time to come again does not count.

        on_retry: called with the error and the seconds to the next attempt, before each wait.
        """
        self._retry_seconds = retry_seconds
        self._stop = stop or threading.Event()
        self._on_retry = on_retry
        self._attempts = 0
        self._deadline: float | None = None

    def wait(self, error: Temporary) -> None:
        """Sleeps until the next attempt; raises `error` when there is none, Stopped on a stop."""
        self._deadline = self._deadline or time.monotonic() + self._retry_seconds
        most = min(_MOST_SECONDS, _FIRST_SECONDS * 2**self._attempts)
        seconds = random.uniform(most / 10, most)  # noqa: S311 - spreads clients, keeps no secret
        seconds += error.retry_after_seconds or 0
        self._attempts += 1
        if error.code == _WORK_LIMIT and self._retry_seconds >= _PATIENT_SECONDS:
            self._deadline += seconds
        if time.monotonic() + seconds > self._deadline:
            raise error
        if self._on_retry:
            self._on_retry(error, seconds)
        if self._stop.wait(seconds):
            raise Stopped("The results are no longer read")
