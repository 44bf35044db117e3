"""TLS before a server that has none: a proxy on the loopback, and certificates made for a test."""

import asyncio
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

_CHUNK_BYTES = 65536


@dataclass(frozen=True)
class Certificates:
    """`ca_file` signed `good`, `other_host` and `expired`; another CA signed `untrusted`.

    `client_file` holds a client's certificate and key; `good_file` and `other_host_file` those of
    servers.
    """

    ca_file: Path
    client_file: Path
    good_file: Path
    other_host_file: Path
    good: ssl.SSLContext
    other_host: ssl.SSLContext
    expired: ssl.SSLContext
    untrusted: ssl.SSLContext
    asks_client: ssl.SSLContext


def make_certificates(folder: Path) -> Certificates:
    """Makes all of them, with the public ones as files in `folder`."""
    ca, stranger = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    good, other_host = ca.issue_cert("127.0.0.1"), ca.issue_cert("other.example")
    made = {"client": ca.issue_cert("worker@fluximage"), "good": good, "other": other_host}
    for name, one in made.items():
        one.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    asks_client = _context(ca.issue_cert("127.0.0.1"))
    ca.configure_trust(asks_client)
    asks_client.verify_mode = ssl.CERT_REQUIRED
    return Certificates(
        ca_file=folder / "ca.pem",
        client_file=folder / "client.pem",
        good_file=folder / "good.pem",
        other_host_file=folder / "other.pem",
        good=_context(good),
        other_host=_context(other_host),
        expired=_context(ca.issue_cert("127.0.0.1", not_after=yesterday)),
        untrusted=_context(stranger.issue_cert("127.0.0.1")),
        asks_client=asks_client,
    )


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class TlsProxy:
    """Runs as long as its `with` block: takes TLS on `port`, and speaks plain to `upstream`."""

    def __init__(self, upstream_port: int, context: ssl.SSLContext) -> None:
        """upstream_port: of the loopback. context: whose certificate is shown."""
        self._upstream_port, self._context = upstream_port, context
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # refused handshakes are intended
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        open_ = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(open_, timeout=5) if open_ else None
        await asyncio.sleep(0.05)  # handshakes that were just refused end by themselves

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        self._writers += [writer, up_writer]
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    except OSError:
        pass
    target.close()
