"""Whether the keys of the streams in this process are still valid: one query for all of them."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shared.db import accounts
from shared.db.database import Database
from shared.errors import UnavailableError

_CHECK_SECONDS = 2.0


class KeyWatch:
    """Notices within seconds that a key was revoked, by another process or by the operator."""

    def __init__(self, database: Database) -> None:
        """Reads nothing while no key is watched."""
        self._database = database
        self._watched: Counter[bytes] = Counter()
        self._revoked: set[bytes] = set()
        self._checking = threading.Lock()
        self._checked_at = 0.0

    @contextmanager
    def watching(self, key_hash: bytes) -> Iterator[None]:
        """Watches a key that was valid a moment ago."""
        self._watched[key_hash] += 1
        try:
            yield
        finally:
            self._watched[key_hash] -= 1
            if not self._watched[key_hash]:
                del self._watched[key_hash]
                self._revoked.discard(key_hash)

    def is_valid(self, key_hash: bytes) -> bool:
        """Whether a watched key is valid, as of a few seconds ago; while Postgres is down, it is.

        Whoever asks first after that time makes the query.
        """
        if time.monotonic() - self._checked_at > _CHECK_SECONDS and self._checking.acquire(False):
            try:
                self._check()
            finally:
                self._checking.release()
        return key_hash not in self._revoked

    def _check(self) -> None:
        self._checked_at = time.monotonic()
        watched = set(self._watched)
        with suppress(UnavailableError):
            self._revoked |= watched - accounts.live_keys(self._database, watched)
