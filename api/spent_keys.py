"""Spent keys: those whose account has sent all the requests that it may send in this minute.

Until the minute is over this process refuses them from memory. A client that goes on sending would
otherwise cost a query and a count for each refusal.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.db.accounts import key_hash
from shared.errors import TooManyRequestsError


class SpentKeys:
    """The keys that this process has refused, each until its minute is over."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}

    def check(self, key: str) -> None:
        """Raises TooManyRequestsError for a key that was refused in this minute."""
        seconds = self._until.get(key_hash(key), 0.0) - time.monotonic()
        if seconds > 0:
            raise TooManyRequestsError(max(1, round(seconds)))

    @contextmanager
    def noting(self, key: str) -> Iterator[None]:
        """Notes the valid key as spent where the block raises TooManyRequestsError."""
        try:
            yield
        except TooManyRequestsError as error:
            self._forget_old()
            self._until[key_hash(key)] = time.monotonic() + error.retry_after_seconds
            raise

    def _forget_old(self) -> None:
        now = time.monotonic()
        self._until = {digest: until for digest, until in self._until.items() if until > now}
