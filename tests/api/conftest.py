"""API processes with settings of their own, beside the whole running service."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient

from api.app import build_app
from shared.plans import Plan
from shared.services import Services
from tests.support.client import Client, get
from tests.support.making import make_account
from workers import steps

START_SECONDS = 60
Start = Callable[[Mapping[str, str]], AbstractContextManager["ApiProcess"]]


@dataclass
class ApiProcess:
    """A gunicorn that serves nothing but the API; `log` is its standard error."""

    url: str
    pid: int
    log: Path


@dataclass
class Still(Client):
    """A client of an API without workers; a test does their work itself."""

    unit: Services
    process: ApiProcess

    def work(self, images: int = 1, *, newest: bool = False) -> None:
        """Processes the oldest (or newest) queued images here and now."""
        with self.unit.database.transaction() as connection:
            rows = connection.execute(
                "SELECT i.id FROM images AS i JOIN batches AS b ON b.id = i.batch_id"
                " WHERE i.state = 'queued' ORDER BY b.created_at, i.index"
            ).fetchall()
        rows = (rows[::-1] if newest else rows)[:images]
        assert len(rows) == images
        for row in rows:
            steps.optimise(self.unit, row["id"])


@pytest.fixture(scope="session")
def start_api(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts an API process over that environment; its context ends it."""

    @contextmanager
    def start(environment: Mapping[str, str]) -> Iterator[ApiProcess]:
        log = tmp_path_factory.mktemp("api") / "log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        command = [sys.executable, "-m", "api"]
        with log.open("wb") as file, _few_open_files():
            process = subprocess.Popen(
                [*command, "--bind", address, "--no-control-socket"],
                env=os.environ | {"WEB_CONCURRENCY": "1"} | dict(environment),
                stderr=file,
            )
        try:
            _await_live(process, f"http://{address}", log)
            yield ApiProcess(f"http://{address}", process.pid, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return start


@contextmanager
def _few_open_files() -> Iterator[None]:
    """What is started meanwhile may open few files, unless it raises its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def still_process(unit_environment: Mapping[str, str], start_api: Start) -> Iterator[ApiProcess]:
    """An API without workers, with small settings."""
    small = {
        "FLUXIMAGE_BODY_STALL_SECONDS": "1",
        "FLUXIMAGE_FAILED_KEYS_PER_MINUTE": "10",
        "FLUXIMAGE_REQUESTS_PER_MINUTE": "40",
        "FLUXIMAGE_WAIT_LIMIT_SECONDS": "30",
        "FLUXIMAGE_TRUSTED_PROXIES": "127.0.0.1/32,10.0.0.0/8,2001:db8::/32",
        "FLUXIMAGE_TOPUP_SMALL": "https://shop.example/small",
    }
    with start_api(dict(unit_environment) | small) as process:
        yield process


@pytest.fixture
def still(still_process: ApiProcess, unit: Services) -> Still:
    """A client, with a new agency account, of the API without workers."""
    account, key = make_account(unit)
    return Still(still_process.url, key, account, unit, still_process)


@pytest.fixture
def still_stranger(still: Still) -> Client:
    """A client of the same API with another account."""
    account, key = make_account(still.unit)
    return Client(still.url, key, account)


@pytest.fixture(scope="session")
def broken_process(unit_environment: Mapping[str, str], start_api: Start) -> Iterator[ApiProcess]:
    """An API whose Redis and whose object store are down."""
    with ExitStack() as stack:
        closed = []
        for _ in range(2):  # bound and not listening: no other program gets these ports meanwhile
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            closed.append(taken.getsockname()[1])
        down = {
            "REDIS_URL": f"redis://127.0.0.1:{closed[0]}/0",
            "S3_ENDPOINT": f"http://127.0.0.1:{closed[1]}",
        }
        yield stack.enter_context(start_api(dict(unit_environment) | down))


@pytest.fixture(scope="session")
def broken_url(broken_process: ApiProcess) -> str:
    """The address of that API."""
    return broken_process.url


@contextmanager
def in_process(built: Services) -> Iterator[FlaskClient]:
    """The application in this process, for settings that no other test needs."""
    app = build_app(built)
    try:
        yield app.test_client()
    finally:
        app.extensions["fluximage"].listener.close()


@pytest.fixture
def free(service_url: str, service: Services) -> Client:
    """A client of the running service with a new account on the free plan."""
    account, key = make_account(service, Plan.FREE)
    return Client(service_url, key, account)


@pytest.fixture
def stranger(service_url: str, service: Services) -> Client:
    """A client of the running service with an account other than `client`'s."""
    account, key = make_account(service)
    return Client(service_url, key, account)


def _await_live(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            get(f"{url}/health/live", timeout=5)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
