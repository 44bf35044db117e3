"""The client of a command that asks one thing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from fluximage.client import Client
from fluximage.command.engine import FIRST_WORD_SECONDS
from fluximage.command.profile import find_server


class ServerFlags(TypedDict):
    """What `server_options` gives."""

    url: str | None
    key_file: Path | None
    profile: str | None


@contextmanager
def connected(flags: ServerFlags, *, retry_seconds: float = FIRST_WORD_SECONDS) -> Iterator[Client]:
    """A client of the server that the flags, the environment or a profile name.

    retry_seconds: as `Client`; someone waits for the first word.
    """
    server = find_server(**flags)
    with Client(server.url, server.api_key, retry_seconds=retry_seconds) as client:
        yield client
