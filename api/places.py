"""Places: how many answers that last long this process gives at one time."""

from collections import Counter
from collections.abc import Callable

from shared.errors import TooManyRequestsError, UnavailableError

_RETRY_SECONDS = 10


class Places:
    """Bounded places of this process. An account may take only a part of them."""

    def __init__(self, process: int, account: int) -> None:
        """process, account: how many all accounts together, and each of them, may take."""
        self._process = process
        self._account = account
        self._taken: Counter[int] = Counter()

    def take(self, account_id: int) -> Callable[[], None]:
        """Takes a place and returns what frees it, which may be called again.

        Raises TooManyRequestsError where the account has all that it may take, UnavailableError
        where the process has no place left.
        """
        if self._taken[account_id] >= self._account:
            raise TooManyRequestsError(_RETRY_SECONDS)
        if self._taken.total() >= self._process:
            message = "Too many clients listen or download now, try again shortly"
            raise UnavailableError(message, _RETRY_SECONDS)
        self._taken[account_id] += 1
        held = True

        def free() -> None:
            nonlocal held
            if held:
                held = False
                self._taken[account_id] -= 1
                self._taken += Counter()  # drops those that are zero

        return free
