"""The upload quota: the maximum bytes of one account's unfinished uploads in this process.

Without it one account could fill the disk that all accounts share.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import TooManyRequestsError

_RETRY_SECONDS = 30


class UploadQuota:
    """Counts the bytes of the uploads in progress in this process, per account."""

    def __init__(self, account_bytes: int) -> None:
        """account_bytes: how many bytes one account's uploads may have together."""
        self._account_bytes = account_bytes
        self._reserved_bytes: Counter[int] = Counter()

    @contextmanager
    def for_upload(self, account_id: int) -> Iterator[Callable[[int], None]]:
        """Yields a function that reserves bytes for one upload; call it before each write.

        It raises TooManyRequestsError where the account's quota is used up. When the block ends,
        the bytes of this upload are free again.
        """
        own_bytes = 0

        def reserve_bytes(count: int) -> None:
            nonlocal own_bytes
            own_bytes += count
            self._reserved_bytes[account_id] += count
            if self._reserved_bytes[account_id] > self._account_bytes:
                raise TooManyRequestsError(_RETRY_SECONDS)

        try:
            yield reserve_bytes
        finally:
            self._reserved_bytes[account_id] -= own_bytes
            if not self._reserved_bytes[account_id]:
                del self._reserved_bytes[account_id]
