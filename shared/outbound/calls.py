"""The calls themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from shared.outbound.policy import Policy


def post(url: str, body: bytes, headers: Mapping[str, str], *, policy: Policy) -> int:
    """Sends `body` and returns the status of the answer; no redirect is followed.

    Raises NotAllowedError when `url` itself may not be called, which no later try can help, and
    CallFailedError when no answer came, or the name has no address that may be called.
    """
    raise NotImplementedError


@contextmanager
def get(url: str, *, policy: Policy, max_bytes: int) -> Iterator[Iterator[bytes]]:
    """The body of a 200 answer, as it comes; at most 3 redirects are followed.

    Raises NotAllowedError and CallFailedError, as `post` does, also while the body is read.
    """
    raise NotImplementedError
    yield iter(())
