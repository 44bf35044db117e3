"""The client: one method for each call of the API, and `compress`, which does a whole folder."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import BinaryIO, Unpack

from fluximage import answers
from fluximage.answers import Account, Batch, Event, Image, SessionPage, SessionSummary, Usage
from fluximage.calls import Calls, session_path
from fluximage.compressing import Compressing, Plan
from fluximage.downloads import Downloads, copied, save_to
from fluximage.errors import ConfigurationError, NotFound, Temporary
from fluximage.following import events
from fluximage.journal import MEMORY, Journal
from fluximage.options import OptionFields, Options
from fluximage.posting import post
from fluximage.results import Done, Failed
from fluximage.sources import Source, sources

_ARCHIVE_SECONDS = 60.0  # without a byte


class Client:
    """Calls one fluximage service with one account's key; threads may share it.

    Every method raises the exceptions of `fluximage.errors`. The key is in none of them, and in
    no log.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 330,
        retry_seconds: float = 300,
        on_retry: Callable[[Temporary, float], object] | None = None,
    ) -> None:
        """url, api_key: None reads FLUXIMAGE_URL, FLUXIMAGE_API_KEY.

        timeout_seconds: how long an answer may take. retry_seconds: how long a call that may be
        repeated is, while the service is away or busy; 0 asks once. on_retry: called with the
        error and the seconds to the next attempt before each wait, from any thread.
        """
        self._calls = Calls(
            _given(url, "FLUXIMAGE_URL", "address"),
            _given(api_key, "FLUXIMAGE_API_KEY", "API key"),
            timeout_seconds=timeout_seconds,
            retry_seconds=retry_seconds,
            on_retry=on_retry,
        )
        self._downloads = Downloads(retry_seconds, on_retry)

    def __repr__(self) -> str:
        return f"Client({self._calls.url!r})"

    @property
    def url(self) -> str:
        """The address of the service."""
        return self._calls.url

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
        """Sends files, the images in folders, or Sources; yields each as it ends, in any order.

        paths: read as they are needed. session_id: None makes one. journal: makes the same call
        safe to repeat after a crash; see `Journal`. on_upload: called with the bytes of files
        that were sent since the last call, negative where a batch has to be sent again; from
        threads of this package. options: or each as a keyword, such as format="avif".

        Images travel in batches, some at a time; each may fail without the others. Where the
        call itself is refused (PlanError, Unauthorized, BadRequest) or the service stays away
        (Temporary), what was accepted before is yielded first. Raises JournalInUse where another
        call works with the journal.
        """
        if options is not None and fields:
            raise TypeError("Give options or the options' keywords, not both")
        chosen = options or Options(**fields)
        # Closed with the generator: a caller that stops reading stops the uploads.
        with nullcontext(journal) if journal else Journal(MEMORY) as used, used.locked():
            plan = Plan(chosen, session_id, used, on_upload)
            with closing(Compressing(self._calls, plan, sources(paths))) as compressing:
                yield from compressing.results()

    def send(
        self,
        sources: Sequence[Source],
        options: Options | None = None,
        *,
        session_id: str | None = None,
        idempotency_key: str | None = None,
        wait_seconds: int | None = 0,
    ) -> Batch:
        """Sends one batch of 1 to 20 sources and returns its state.

        wait_seconds: how long the server waits for its end; None: as long as it does. Without an
        idempotency_key it is sent once; with one again, while the service is away or busy.
        Raises SourceFailed, a FluximageError, for a file that cannot be read.
        """
        return post(
            self._calls,
            sources,
            options or Options(),
            session_id=session_id,
            idempotency_key=idempotency_key,
            wait_seconds=wait_seconds,
        )

    def download(self, image: Image, to: Path | str | BinaryIO) -> None:
        """Saves a finished image: streamed, its size checked, to a path atomically.

        An expired link is replaced by a fresh one. Raises NotFound where the image is deleted.
        """

        def write(file: BinaryIO) -> None:
            try:
                self._downloads.save(image.url, image.compressed_size, file)
            except NotFound:
                fresh = self._fresh(image)
                self._downloads.save(fresh.url, fresh.compressed_size, file)

        save_to(to, write)

    def _fresh(self, image: Image) -> Image:
        """The same image with a fresh link, from the session's page on which it was found."""
        for page in self.pages(image.session_id, cursor=image.page_cursor):
            for found in page.images:
                if found.id == image.id:
                    return found
        raise NotFound(f"{image.file_name} is deleted", code="not_found")

    def session(
        self,
        session_id: str,
        *,
        cursor: str | None = None,
        limit: int = 1000,
        wait_seconds: int = 0,
    ) -> SessionPage:
        """Returns a page of a session: what ended after the cursor, at most `limit` images.

        wait_seconds: the answer is held until something ended, or so long.
        """
        params: dict[str, str | int] = {"limit": limit}
        params |= {"cursor": cursor} if cursor else {}
        params |= {"wait": wait_seconds} if wait_seconds else {}
        _, body = self._calls.ask("GET", session_path(session_id), params=params)
        return answers.session_page(body, cursor)

    def pages(self, session_id: str, *, cursor: str | None = None) -> Iterator[SessionPage]:
        """Yields the pages of a session, one at least, up to what has ended by now."""
        while True:
            page = self.session(session_id, cursor=cursor)
            yield page
            if not (page.images or page.errors) or page.next_cursor is None:
                return
            cursor = page.next_cursor

    def sessions(self) -> Iterator[SessionSummary]:
        """Yields the account's sessions, newest first."""
        params: dict[str, str | int] = {}
        while True:
            _, body = self._calls.ask("GET", "/api/sessions", params=params)
            yield from map(answers.session_summary, body["sessions"])
            if body.get("next_cursor") is None:
                return
            params["cursor"] = body["next_cursor"]

    def events(self, session_id: str, *, cursor: str | None = None) -> Iterator[Event]:
        """Yields each image as it ends, then the session's end; goes on after a broken line.

        cursor: of the last event that was seen.
        """
        return events(self._calls, session_id, cursor)

    def retry(self, session_id: str) -> SessionPage:
        """Makes a new batch of what another run can help; `retried` says of how many images.

        Raises Conflict for a cancelled session, NotFound (410) where what it needs is gone.
        """
        return self._act("POST", f"{session_path(session_id)}/retry")

    def cancel(self, session_id: str) -> SessionPage:
        """Cancels what has not ended and keeps every result."""
        return self._act("POST", f"{session_path(session_id)}/cancel")

    def delete(self, session_id: str) -> SessionPage:
        """Cancels what has not ended and deletes what is stored."""
        return self._act("DELETE", session_path(session_id))

    def _act(self, method: str, path: str) -> SessionPage:
        _, body = self._calls.ask(method, path)
        return answers.session_page(body, None)

    def archive(self, session_id: str, to: Path | str | BinaryIO) -> None:
        """Saves a ZIP of all finished images, with folders and a manifest; a path atomically.

        Raises NotFound where no image is finished, Temporary where the line broke.
        """

        def write(file: BinaryIO) -> None:
            path = f"{session_path(session_id)}/archive"
            with self._calls.stream(path, read_seconds=_ARCHIVE_SECONDS) as answer:
                copied(answer, file)

        save_to(to, write)

    def account(self) -> Account:
        """Returns whose key this is: the account's name, its plan and its billing period."""
        return answers.known(Account, self._calls.ask("GET", "/api/account")[1])

    def usage(self) -> Usage:
        """Returns what the account has used and has left."""
        return answers.usage(self._calls.ask("GET", "/api/usage")[1])

    def roll_key(self) -> str:
        """Returns a new key; the present one ends, and this client goes on with the new one."""
        _, body = self._calls.ask("POST", "/api/keys/roll", repeat=False)
        key = str(body["api_key"])
        self._calls.use_key(key)
        return key

    def new_webhook_secret(self) -> str:
        """Returns a new secret that webhooks are signed with; the old one signs along for a day."""
        _, body = self._calls.ask("POST", "/api/webhooks/secret", repeat=False)
        return str(body["secret"])

    def close(self) -> None:
        """Closes the connections."""
        self._calls.close()
        self._downloads.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _given(value: str | None, variable: str, what: str) -> str:
    value = value or os.environ.get(variable, "")
    if not value.strip():
        raise ConfigurationError(f"The {what} of the service is missing; set {variable}")
    return value.strip()
