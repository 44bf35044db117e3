"""Real servers for the tests: one embedded stack a run, and the whole service upon it."""

import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from infra.commands import up
from infra.dev.messages_api import Answer, MessagesApi
from infra.embedded import Stack, temporary
from infra.migrations.run import migrate
from shared import services, settings
from shared.services import Services
from tests.support.client import Client
from tests.support.making import make_account

READY_SECONDS = 60
# Webhooks may be received here.
RECEIVERS = {
    "FLUXIMAGE_OUTBOUND_NETWORKS": "127.0.0.1",
    "FLUXIMAGE_OUTBOUND_PORTS": "1024-65535",
}


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Postgres, Valkey and an S3 server of this run's own."""
    with temporary() as running:
        yield running


@pytest.fixture(scope="session")
def unit_environment(stack: Stack) -> dict[str, str]:
    """A database, a Redis database and a bucket that no worker or sweeper looks at."""
    address = urlsplit(stack.environment["DATABASE_URL"])
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE DATABASE unit")
    database_url = urlunsplit(address._replace(path="/unit"))
    migrate(database_url)
    redis_url = urlunsplit(urlsplit(stack.environment["REDIS_URL"])._replace(path="/1"))
    return (
        stack.environment
        | RECEIVERS
        | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "S3_BUCKET": "unit",
        }
    )


@pytest.fixture(scope="session")
def unit_services(unit_environment: Mapping[str, str]) -> Iterator[Services]:
    """Services over the unit environment, for a whole run."""
    built = services.build(settings.load(unit_environment), max_connections=40)
    built.store.prepare()
    yield built
    built.close()


@pytest.fixture
def unit(unit_services: Services) -> Services:
    """Services over an empty queue: earlier tests' batches and messages are gone."""
    with unit_services.database.transaction() as connection:
        connection.execute("TRUNCATE accounts CASCADE")
    unit_services.metrics.flush()
    unit_services.redis.flushdb()
    return unit_services


@pytest.fixture(scope="session")
def provider() -> Iterator[MessagesApi]:
    """The Messages API that the running service asks."""
    with MessagesApi() as running:
        yield running


@pytest.fixture
def model(provider: MessagesApi) -> Iterator[MessagesApi]:
    """The running service's provider, with no request yet and well again afterwards."""
    provider.requests.clear()
    provider.most_in_flight = 0
    yield provider
    provider.script.clear()
    provider.otherwise = lambda _: Answer()


@pytest.fixture(scope="session")
def service_environment(stack: Stack, provider: MessagesApi) -> dict[str, str]:
    """What the running service is configured with: quick sweeps, short waits for the model."""
    quick = {"FLUXIMAGE_SWEEP_SECONDS": "1", "FLUXIMAGE_AI_BUDGET_SECONDS": "5"}
    return stack.environment | provider.environment | RECEIVERS | quick


@pytest.fixture(scope="session")
def service_url(stack: Stack, service_environment: dict[str, str]) -> str:
    """The address of the whole running service: API, workers, periodic process."""
    migrate(stack.environment["DATABASE_URL"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = up.UpOptions("127.0.0.1", port, Path("unused"), workers=2)
    environment = os.environ | service_environment
    for child in up.children(options, port, environment):
        # Nothing is in hand at the end of a run, and an orderly end would take seconds.
        quick = replace(child, log=stack.data_dir.log(child.name), stop_signal=signal.SIGKILL)
        stack.supervisor.start(quick)
    url = f"http://127.0.0.1:{port}"
    _await_ready(url)
    return url


@pytest.fixture(scope="session")
def service(service_url: str, service_environment: dict[str, str]) -> Iterator[Services]:
    """Services over the running service's servers, to look behind the API."""
    assert service_url
    built = services.build(settings.load(service_environment))
    yield built
    built.close()


@pytest.fixture
def client(service_url: str, service: Services) -> Client:
    """A client of the running service with a new agency account."""
    account, key = make_account(service)
    return Client(service_url, key, account)


def _await_ready(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready") as answer:  # noqa: S310 - ours
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} did not get ready: {error}") from error
        time.sleep(0.05)
