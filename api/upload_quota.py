"""What uploads hold while they arrive, so that one account cannot fill the disk of all."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import TooManyRequestsError

_RETRY_SECONDS = 30


class Spool:
    """Counts the bytes of the uploads under way in this process, by account."""

    def __init__(self, account_bytes: int) -> None:
        """account_bytes: what those of one account may hold together."""
        self._account_bytes = account_bytes
        self._held: Counter[int] = Counter()

    @contextmanager
    def share(self, account_id: int) -> Iterator[Callable[[int], None]]:
        """What one upload calls with every number of bytes before it keeps them.

        All are given back when the block ends. A call past what the account may hold raises
        TooManyRequestsError.
        """
        mine = 0

        def hold(count: int) -> None:
            nonlocal mine
            mine += count
            self._held[account_id] += count
            if self._held[account_id] > self._account_bytes:
                raise TooManyRequestsError(_RETRY_SECONDS)

        try:
            yield hold
        finally:
            self._held[account_id] -= mine
            if not self._held[account_id]:
                del self._held[account_id]
