"""What compresses: a server, or (in the full install) this machine by --local.

The full install names its engine (local.py), so that this package knows nothing of it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Protocol

from fluximage.answers import Usage
from fluximage.backoff import OnRetry
from fluximage.client import Client
from fluximage.command.profile import Server
from fluximage.journal import Journal
from fluximage.options import Options
from fluximage.results import Done, Failed
from fluximage.sources import Source

FIRST_WORD_SECONDS = 3

# Takes what is told of the waits between attempts, if anything is.
OpenEngine = Callable[[OnRetry | None], "Engine"]


class Engine(Protocol):
    """Compresses images and hands out the results."""

    def compress(
        self,
        sources: Sequence[Source],
        options: Options,
        *,
        session_id: str | None,
        journal: Journal | None,
        on_upload: Callable[[int], None],
    ) -> Iterator[Done | Failed]:
        """Yields each source's result as it ends; see `Client.compress`."""

    def save(self, done: Done, to: BinaryIO) -> None:
        """Writes a result; threads may call it."""

    def usage(self) -> Usage | None:
        """What the plan has left; None where there is no plan. Raises FluximageError."""

    def close(self) -> None:
        """Ends what it holds."""


class Remote:
    """The engine of a server."""

    def __init__(self, server: Server, on_retry: OnRetry | None = None) -> None:
        self._server = server
        self._client = Client(server.url, server.api_key, on_retry=on_retry)

    def compress(
        self,
        sources: Sequence[Source],
        options: Options,
        *,
        session_id: str | None,
        journal: Journal | None,
        on_upload: Callable[[int], None],
    ) -> Iterator[Done | Failed]:
        """As `Client.compress`."""
        return self._client.compress(
            sources, session_id=session_id, journal=journal, on_upload=on_upload, options=options
        )

    def save(self, done: Done, to: BinaryIO) -> None:
        """As `Client.download`."""
        self._client.download(done.image, to)

    def usage(self) -> Usage:
        """As `Client.usage`, without the patience of a run: someone waits for the first word."""
        server = self._server
        with Client(server.url, server.api_key, retry_seconds=FIRST_WORD_SECONDS) as client:
            return client.usage()

    def close(self) -> None:
        """As `Client.close`."""
        self._client.close()
