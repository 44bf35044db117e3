"""/metrics answers at its exact path, and only at its own address where there is one."""

import socket
from collections.abc import Iterator, Mapping

import httpx
import pytest

from shared.errors import OperatorError
from shared.settings import load
from tests.api.conftest import ApiProcess, Start
from tests.api.raw import exchange
from tests.support.cases import every_case
from tests.support.client import get


@pytest.fixture(scope="module")
def metrics_url() -> str:
    """An address that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture(scope="module")
def split(
    unit_environment: Mapping[str, str], start_api: Start, metrics_url: str
) -> Iterator[ApiProcess]:
    """An API with an address for its metrics."""
    listen = {"FLUXIMAGE_METRICS_LISTEN": metrics_url.removeprefix("http://")}
    with start_api(dict(unit_environment) | listen) as process:
        yield process


@every_case(
    "path",
    [
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/metric%73",
        "/metrics;x",
        "/metrics%3fx",
        "/METRICS",
        "/./metrics",
        "/x/../metrics",
        "/metrics%00",
        "/metrics%2f",
        "/metrics/.",
        "http://evil.example/metrics",
    ],
)
def test_no_other_spelling_of_its_path_has_the_metrics(service_url: str, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode()
    assert exchange(service_url, [sent]).status in (400, 404)


def test_a_query_is_no_part_of_the_path(service_url: str) -> None:
    assert get(f"{service_url}/metrics?name=x").status_code == 200


def test_metrics_are_only_at_their_address(split: ApiProcess, metrics_url: str) -> None:
    assert get(f"{metrics_url}/metrics").status_code == 200
    assert get(f"{split.url}/metrics").status_code == 404
    assert get(f"{split.url}/metrics", headers={"Host": metrics_url[7:]}).status_code == 404
    assert httpx.post(f"{split.url}/metrics").status_code == 404


def test_the_address_of_metrics_serves_nothing_else(split: ApiProcess, metrics_url: str) -> None:
    statuses = [
        get(f"{metrics_url}{path}").status_code
        for path in ("/health/live", "/api/usage", "/", "/docs", "/openapi.json")
    ]
    assert statuses == [200, 404, 404, 404, 404]
    assert get(f"{split.url}/api/usage").status_code == 401


@every_case(
    "value", ["9100", "localhost:9100", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "[::1:9"]
)
def test_what_is_no_address_is_refused(unit_environment: Mapping[str, str], value: str) -> None:
    with pytest.raises(OperatorError, match="FLUXIMAGE_METRICS_LISTEN"):
        load(dict(unit_environment) | {"FLUXIMAGE_METRICS_LISTEN": value})
