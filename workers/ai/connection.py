"""The HTTP connections to the AI provider: one per thread, and a time limit for each response."""

import time
from collections.abc import Iterator

import httpx2
from anthropic import DefaultHttpxClient

_DEADLINE = "fluximage_deadline"  # our key in the extensions of a request


class _DeadlineStream(httpx2.SyncByteStream):
    """A response body that raises once the deadline of its call has passed.

    The client's own timeout is per read: a body that arrives byte by byte would occupy a thread
    for ever.
    """

    def __init__(self, body: httpx2.SyncByteStream, deadline: float) -> None:
        self._body = body
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("The body took too long")
            yield chunk

    def close(self) -> None:
        self._body.close()


def http_client(calls: int) -> httpx2.Client:
    """Returns a client for the `anthropic` package, otherwise with that package's defaults.

    calls: how many threads call at once. Each keeps its connection, since a new one costs round
    trips.
    """
    return DefaultHttpxClient(
        limits=httpx2.Limits(max_connections=calls, max_keepalive_connections=calls),
        event_hooks={"request": [_set_deadline], "response": [_limit_body]},
    )


def _set_deadline(request: httpx2.Request) -> None:
    seconds = request.extensions["timeout"]["read"]
    request.extensions[_DEADLINE] = time.monotonic() + seconds


def _limit_body(response: httpx2.Response) -> None:
    body = response.stream
    if isinstance(body, httpx2.SyncByteStream):
        response.stream = _DeadlineStream(body, response.request.extensions[_DEADLINE])
