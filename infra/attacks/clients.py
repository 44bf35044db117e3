"""What attackers run, in processes of their own: few instructions for each second.

Each function takes plain data, ends after `seconds`, and returns what it saw.
"""

import asyncio
import itertools
import os
import select
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from fluximage import Client, Options, Source
from fluximage.errors import FluximageError

ADDRESSES = tuple(f"127.0.0.{last}" for last in range(2, 10))  # the innocent client has 127.0.0.1
_OPENING_AT_ONCE = 100
_OPEN_SECONDS = 20.0
_REOPEN_SECONDS = 5.0  # a client that comes again at once would be measured by its own CPU
_BODY_BYTES_PER_SECOND = 25_000_000  # of one sender
_CHUNK = bytes(1 << 16)


def be_nice() -> None:
    """Gives this process the least of the cores, since it is not to be measured itself."""
    os.nice(19)


def send_batches(
    url: str,
    api_key: str,
    files: Sequence[bytes],
    options: Mapping[str, object],
    batches: int,
    seconds: float,
    session_id: str | None = None,
    pause_seconds: float = 0.0,
) -> dict[str, int]:
    """Sends the files as one batch, so often, without waiting for the results.

    options: fields of `Options`. pause_seconds: after each that is accepted. Returns how often each
    answer came: `accepted`, or the code of the error, which a pause follows.
    """
    answers: Counter[str] = Counter()
    until = time.monotonic() + seconds
    asked = Options(**options)  # type: ignore[arg-type] # a field each
    sources = [Source(file, f"{number}.bin") for number, file in enumerate(files)]
    with Client(url, api_key, timeout_seconds=30, retry_seconds=0) as client:
        while answers["accepted"] < batches and time.monotonic() < until:
            try:
                client.send(sources, asked, session_id=session_id)
                answers["accepted"] += 1
                time.sleep(pause_seconds)
            except FluximageError as error:
                answers[error.code or "unreachable"] += 1
                time.sleep(0.5)
    return dict(answers)


@dataclass(frozen=True)
class Connection:
    """What one connection says: `head` at once, then `drip` every few seconds."""

    head: bytes
    drip: bytes = b""
    drip_seconds: float = 5.0


def hold_connections(
    url: str, connection: Connection, count: int, seconds: float
) -> dict[str, int]:
    """Keeps so many connections open, from several addresses; what is closed is opened again.

    Returns `open`: the most at one time; `closed`: how many were closed by the service; and how
    often each status was answered.
    """
    with suppress(ImportError, ValueError):
        import resource  # not on Windows

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return asyncio.run(_Holding(url, connection).hold(count, seconds))


class _Holding:
    def __init__(self, url: str, connection: Connection) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._connection = connection
        self._seen: Counter[str] = Counter(open=0, closed=0)
        self._now_open = 0

    async def hold(self, count: int, seconds: float) -> dict[str, int]:
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE)
        sources = itertools.islice(itertools.cycle(ADDRESSES), count)
        tasks = [asyncio.create_task(self._keep_one(source)) for source in sources]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return dict(self._seen)

    async def _keep_one(self, source: str) -> None:
        while True:
            with suppress(OSError, TimeoutError):
                await self._one(source)
            await asyncio.sleep(_REOPEN_SECONDS)

    async def _one(self, source: str) -> None:
        async with self._opening:
            async with asyncio.timeout(_OPEN_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, local_addr=(source, 0)
                )
        self._now_open += 1
        self._seen["open"] = max(self._seen["open"], self._now_open)
        try:
            writer.write(self._connection.head)
            await self._drip(reader, writer)
            self._seen["closed"] += 1
        finally:
            self._now_open -= 1
            writer.close()

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sends the drips until the service closes the connection."""
        connection = self._connection
        while True:
            try:
                async with asyncio.timeout(connection.drip_seconds):
                    answer = await reader.read(4096)
            except TimeoutError:
                writer.write(connection.drip)
                continue
            if not answer:
                return
            if answer.startswith(b"HTTP/1.1 "):
                self._seen[answer[9:12].decode()] += 1


def send_bodies(
    url: str, head: bytes, body_bytes: int, senders: int, seconds: float
) -> dict[str, int]:
    """Sends whole bodies one after another, whatever is answered meanwhile.

    Returns how often each status was answered, `cut` for none.
    """
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(senders) as pool:
        seen = pool.map(
            lambda source: _send_bodies(url, source, head, body_bytes, until),
            itertools.islice(itertools.cycle(ADDRESSES), senders),
        )
        return dict(sum(seen, Counter()))


def _send_bodies(url: str, source: str, head: bytes, body_bytes: int, until: float) -> Counter[str]:
    seen: Counter[str] = Counter()
    while time.monotonic() < until:
        seen[_send_body(url, source, head, body_bytes)] += 1
    return seen


def _send_body(url: str, source: str, head: bytes, body_bytes: int) -> str:
    address = urlsplit(url)
    answer = b""
    try:
        with socket.create_connection(
            (address.hostname or "", address.port or 80), 20, (source, 0)
        ) as connection:
            connection.sendall(head)
            for _ in range(body_bytes // len(_CHUNK)):
                connection.sendall(_CHUNK)
                time.sleep(len(_CHUNK) / _BODY_BYTES_PER_SECOND)
                if not answer and select.select([connection], [], [], 0)[0]:
                    answer = connection.recv(4096)
                    if not answer:
                        break
            answer = answer or connection.recv(4096)
    except OSError:
        time.sleep(0.1)
    return answer[9:12].decode() or "cut"
