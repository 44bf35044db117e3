"""The servers that are compared: this service, sharp behind a bare HTTP server, and imgproxy."""

import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import httpx2

from fluximage import Client, Options, Source
from fluximage.answers import Image
from infra.dev.temporary_service import temporary_service
from infra.embedded.network import LOOPBACK, free_port
from shared.errors import OperatorError

CLIENTS = 2
BATCH_IMAGES = 20
_ANSWER_SECONDS = 300.0
_READY_SECONDS = 30.0
_SHARP_SERVER = Path(__file__).with_name("sharp_server.js")

Format = Literal["webp", "avif"]


@dataclass(frozen=True)
class Wanted:
    """What is asked for. quality: the side's own. width: pixels at most, never scaled up."""

    format: Format
    quality: int
    width: int = 1600


class Side(Protocol):
    """One server with its clients. pid: the process that all its others are below."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def about(self) -> Mapping[str, Any]:
        """Versions and settings, for the report."""

    def convert(self, uploads: Sequence[Source], wanted: Wanted) -> list[bytes]:
        """All results, in order, by two clients; raises OperatorError where one fails."""


@dataclass(frozen=True)
class Ours:
    """This service: each client sends a batch of 20, awaits its end and downloads its results."""

    client: Client
    pid: int
    name: str = "fluximage"

    @property
    def about(self) -> Mapping[str, Any]:
        """Nothing: it is this checkout with its default settings."""
        return {}

    def convert(self, uploads: Sequence[Source], wanted: Wanted) -> list[bytes]:
        """All results, in order."""
        starts = range(0, len(uploads), BATCH_IMAGES)
        batches = [uploads[start : start + BATCH_IMAGES] for start in starts]
        options = Options(format=wanted.format, quality=wanted.quality, max_width=wanted.width)
        with ThreadPoolExecutor(CLIENTS) as pool:
            done = list(pool.map(lambda batch: self._batch(batch, options), batches))
        return [file for files in done for file in files]

    def _batch(self, uploads: Sequence[Source], options: Options) -> list[bytes]:
        answer = self.client.send(uploads, options, wait_seconds=None)
        if not answer.done or answer.errors:
            raise OperatorError(f"A batch failed: {answer}")
        return [self._file(image) for image in sorted(answer.images, key=lambda each: each.index)]

    def _file(self, image: Image) -> bytes:
        file = io.BytesIO()
        self.client.download(image, file)
        return file.getvalue()


@dataclass(frozen=True)
class Peer:
    """A server that answers one image per request. `request` says method, path and body."""

    name: str
    pid: int
    about: Mapping[str, Any]
    http: httpx2.Client
    request: Callable[[Source, Wanted], tuple[str, str, bytes | None]]

    def convert(self, uploads: Sequence[Source], wanted: Wanted) -> list[bytes]:
        """All results, in order, two requests at a time."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(lambda upload: self._one(upload, wanted), uploads))

    def _one(self, upload: Source, wanted: Wanted) -> bytes:
        method, path, body = self.request(upload, wanted)
        answer = self.http.request(method, path, content=body)
        if answer.status_code != httpx2.codes.OK:
            raise OperatorError(f"{self.name} could not convert {upload.name}: {answer.text}")
        return answer.content


@contextmanager
def ours() -> Iterator[Ours]:
    """The whole service on embedded servers, as `fluximage up` starts it."""
    with temporary_service() as service, Client(service.url, service.api_key) as client:
        yield Ours(client, service.pid)


@contextmanager
def sharp_server(folder: Path, avif_effort: int | None = None) -> Iterator[Peer]:
    """sharp from `folder`/node_modules behind Node's HTTP server, on its default settings.

    avif_effort: 0 to 9; None: sharp's default.
    """

    def request(upload: Source, wanted: Wanted) -> tuple[str, str, bytes | None]:
        query = {"format": wanted.format, "width": wanted.width, "quality": wanted.quality}
        if wanted.format == "avif" and avif_effort is not None:
            query["effort"] = avif_effort
        return "POST", f"/?{urlencode(query)}", _content(upload)

    environment = os.environ | {"NODE_PATH": str((folder / "node_modules").resolve())}
    argv = [shutil.which("node") or "node", str(_SHARP_SERVER)]
    with _running(argv, environment) as process:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise OperatorError("sharp's server did not start")
        said = json.loads(line)
        about = {**said["versions"], "threads": said["threads"], "avif_effort": avif_effort}
        with _http(said["port"]) as http:
            yield Peer("sharp", process.pid, about, http, request)


@contextmanager
def imgproxy(binary: Path, uploads: Sequence[Source]) -> Iterator[Peer]:
    """imgproxy, which takes no uploads: it reads them from a folder, and gets their names.

    Its limits are raised, and all else is as it has it by default.
    """

    def request(upload: Source, wanted: Wanted) -> tuple[str, str, bytes | None]:
        how = f"rs:fit:{wanted.width}:0/q:{wanted.quality}"
        return "GET", f"/insecure/{how}/plain/local:///{upload.name}@{wanted.format}", None

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        for upload in uploads:
            (Path(folder) / upload.name).write_bytes(_content(upload))
        environment = os.environ | {
            "IMGPROXY_BIND": f"{LOOPBACK}:{port}",
            "IMGPROXY_LOCAL_FILESYSTEM_ROOT": folder,
            "IMGPROXY_MAX_SRC_RESOLUTION": "100",  # megapixels, as this service takes
            "IMGPROXY_TIMEOUT": str(round(_ANSWER_SECONDS)),
            "IMGPROXY_WRITE_TIMEOUT": str(round(_ANSWER_SECONDS)),  # its name in older versions
            "IMGPROXY_DEVELOPMENT_ERRORS_MODE": "true",  # answers say what went wrong
            "IMGPROXY_LOG_LEVEL": "error",
        }
        version = subprocess.run([binary, "version"], capture_output=True, text=True, check=False)
        about = {"imgproxy": version.stdout.strip()}
        with (
            _running([str(binary)], environment, subprocess.DEVNULL) as process,
            _http(port) as http,
        ):
            _await(http, process)
            yield Peer("imgproxy", process.pid, about, http, request)


def _content(upload: Source) -> bytes:
    content = upload.content
    return content if isinstance(content, bytes) else content.read_bytes()


@contextmanager
def _running(
    argv: Sequence[str], environment: Mapping[str, str], output: int = subprocess.PIPE
) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(argv, env=environment, stdout=output) as process:
        try:
            yield process
        finally:
            process.kill()


def _http(port: int) -> httpx2.Client:
    return httpx2.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=_ANSWER_SECONDS)


def _await(http: httpx2.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if http.get("/health").status_code == httpx2.codes.OK:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise OperatorError("imgproxy did not start")
