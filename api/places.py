"""Places: how many requests that last long this process serves at one time."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.errors import TooManyRequestsError, UnavailableError

_RETRY_SECONDS = 10
_TOO_MANY = "Too many clients upload, listen or download now, try again shortly"


class Places:
    """Bounded places of this process. Accounts and addresses may take only a part of them."""

    def __init__(self, process: int, account: int) -> None:
        """process, account: how many all accounts together, and each of them, may take.

        An address may take half of all. A quarter is kept back for accounts that hold none,
        whatever their address, so that nobody is refused because of others. Where the operator
        lets an account take more, less remains for that.
        """
        self._process = process
        self._account = account
        self._address = max(process // 2, account)
        self._kept_back = min(process // 4, max(0, process - account))
        self._taken: Counter[int] = Counter()
        self._taken_from: Counter[str] = Counter()

    def take(self, account_id: int, address: str | None) -> Callable[[], None]:
        """Takes a place and returns what frees it, which may be called again.

        address: what the client's share is counted by (`caller.share`).

        Raises TooManyRequestsError where the account or the address has all that it may take,
        UnavailableError where the process has no place left.
        """
        self._check(account_id, address)
        self._taken[account_id] += 1
        if address is not None:
            self._taken_from[address] += 1
        held = True

        def free() -> None:
            nonlocal held
            if held:
                held = False
                self._taken.subtract([account_id])
                self._taken_from.subtract([address] if address is not None else [])
                self._taken += Counter()  # drops those that are zero
                self._taken_from += Counter()

        return free

    @contextmanager
    def held(self, account_id: int, address: str | None) -> Iterator[None]:
        """Holds a place until the block ends; raises as `take` does."""
        free = self.take(account_id, address)
        try:
            yield
        finally:
            free()

    def _check(self, account_id: int, address: str | None) -> None:
        own, all_taken = self._taken[account_id], self._taken.total()
        if own >= self._account or (own and self._taken_from[address or ""] >= self._address):
            raise TooManyRequestsError(_RETRY_SECONDS)
        if all_taken >= self._process - (self._kept_back if own else 0):
            raise UnavailableError(_TOO_MANY, _RETRY_SECONDS)
