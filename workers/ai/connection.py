"""The HTTP connections to the AI provider: enough of them, and no call outlasts its time."""

import time
from collections.abc import Iterator

import httpx2
from anthropic import DefaultHttpxClient

_ENDS = "fluximage_ends"


class _Bounded(httpx2.SyncByteStream):
    """A body that is cut when its call's time is over.

    The client's own timeout is for each read: a body that drips would hold a thread for ever.
    """

    def __init__(self, body: httpx2.SyncByteStream, ends: float) -> None:
        self._body = body
        self._ends = ends

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            if time.monotonic() > self._ends:
                raise httpx2.ReadTimeout("The body took too long")
            yield chunk

    def close(self) -> None:
        self._body.close()


def http_client(calls: int) -> httpx2.Client:
    """A client for the `anthropic` package with that package's defaults otherwise.

    calls: how many threads call at once; each keeps its connection, since a new one costs
    round trips.
    """
    return DefaultHttpxClient(
        limits=httpx2.Limits(max_connections=calls, max_keepalive_connections=calls),
        event_hooks={"request": [_start], "response": [_bound]},
    )


def _start(request: httpx2.Request) -> None:
    seconds = request.extensions["timeout"]["read"]
    request.extensions[_ENDS] = time.monotonic() + seconds


def _bound(response: httpx2.Response) -> None:
    body = response.stream
    if isinstance(body, httpx2.SyncByteStream):
        response.stream = _Bounded(body, response.request.extensions[_ENDS])
