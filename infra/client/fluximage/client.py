"""The client: one method for each call of the API, and `compress`, which does a whole folder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Unpack

from fluximage.answers import Batch, Event, Image, SessionPage, SessionSummary, Usage
from fluximage.journal import Journal
from fluximage.options import OptionFields, Options
from fluximage.results import Done, Failed
from fluximage.sources import Source


class Client:
    """Calls one fluximage service with one account's key; threads may share it.

    Every method raises the exceptions of `fluximage.errors`.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 330,
        retry_seconds: float = 300,
    ) -> None:
        """url, api_key: None reads FLUXIMAGE_URL, FLUXIMAGE_API_KEY.

        timeout_seconds: how long an answer may take. retry_seconds: how long a call that may be
        repeated is, while the service is away or busy; 0 asks once.
        """

    def compress(
        self,
        paths: Iterable[str | Path | Source] | str | Path | Source,
        *,
        session_id: str | None = None,
        journal: Journal | None = None,
        on_upload: Callable[[int], None] | None = None,
        options: Options | None = None,
        **fields: Unpack[OptionFields],
    ) -> Iterator[Done | Failed]:
        """Sends files, the images in folders, or Sources; yields each as it ends.

        on_upload: called with the bytes of files that were sent since the last call, negative
        where a batch has to be sent again; from threads of this package.
        """
        raise NotImplementedError

    def send(
        self,
        sources: Sequence[Source],
        options: Options = Options(),
        *,
        session_id: str | None = None,
        idempotency_key: str | None = None,
        wait_seconds: int | None = 0,
    ) -> Batch:
        """Sends one batch; wait_seconds None waits as long as the server does."""
        raise NotImplementedError

    def download(self, image: Image, to: Path | str | BinaryIO) -> None:
        """Saves a finished image."""
        raise NotImplementedError

    def session(
        self,
        session_id: str,
        *,
        cursor: str | None = None,
        limit: int = 1000,
        wait_seconds: int = 0,
    ) -> SessionPage:
        """Returns a page of a session."""
        raise NotImplementedError

    def sessions(self) -> Iterator[SessionSummary]:
        """Yields the account's sessions, newest first."""
        raise NotImplementedError

    def events(self, session_id: str, *, cursor: str | None = None) -> Iterator[Event]:
        """Yields each image as it ends, then the session's end."""
        raise NotImplementedError

    def retry(self, session_id: str) -> SessionPage:
        """Sends again what another run can help."""
        raise NotImplementedError

    def cancel(self, session_id: str) -> SessionPage:
        """Cancels what has not ended, and keeps every result."""
        raise NotImplementedError

    def delete(self, session_id: str) -> None:
        """Cancels what has not ended and deletes what is stored."""
        raise NotImplementedError

    def archive(self, session_id: str, to: Path | str | BinaryIO) -> None:
        """Saves a ZIP of all finished images."""
        raise NotImplementedError

    def usage(self) -> Usage:
        """Returns what the account has used and has left."""
        raise NotImplementedError

    def roll_key(self) -> str:
        """Returns a new key; the present one ends, and this client goes on with the new one."""
        raise NotImplementedError

    def new_webhook_secret(self) -> str:
        """Returns a new secret that webhooks are signed with."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the connections."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
