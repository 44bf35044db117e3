"""A client of the events: a socket, and the lines of the stream that comes over it."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.api.raw import head
from tests.support.client import Client


@dataclass(frozen=True)
class Heard:
    """One event."""

    name: str
    id: int
    data: dict[str, Any]


class Stream:
    """A stream of events; `lines` are all that came, `complete` whether it ended as HTTP says."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.response = http.client.HTTPResponse(connection)
        self.response.begin()
        self.lines: list[str] = []
        self.complete = False

    def __iter__(self) -> Iterator[Heard]:
        fields: dict[str, str] = {}
        while line := self.response.readline():
            self.lines.append(text := line.decode().rstrip("\n"))
            name, _, value = text.partition(": ")
            if text:
                fields[name] = value
            else:
                if "event" in fields:
                    data = json.loads(fields["data"])
                    yield Heard(fields["event"], int(fields["id"]), data)
                fields = {}
        self.complete = True

    def next(self) -> Heard:
        """The next event; raises TimeoutError when none comes in the time of the socket."""
        return next(iter(self))

    def ids(self) -> list[int]:
        """The ids of all images until the stream ends."""
        return [event.id for event in self if event.name == "image"]


@contextmanager
def opened(connection: socket.socket) -> Iterator[Stream]:
    """The stream that comes over a connection."""
    stream = Stream(connection)
    with stream.response:
        yield stream


@contextmanager
def listening(
    client: Client, session: str, *headers: str, query: str = "", seconds: float = 20
) -> Iterator[Stream]:
    """A stream of the session's events."""
    address = urlsplit(client.url)
    with socket.create_connection((address.hostname, address.port), seconds) as connection:
        path = f"/api/sessions/{session}/events{query}"
        connection.sendall(head(client.key, *headers, method="GET", path=path))
        with opened(connection) as stream:
            yield stream
