"""Pages of other origins may call /api where FLUXIMAGE_CORS_ORIGINS names them, and only there."""

import re
from collections.abc import Iterator, Mapping

import httpx
import pytest

from api.cross_origin import EXPOSED, METHODS
from api.openapi.document import document
from shared.services import Services
from tests.api.calls import CALLS, Call, app_of_blueprints
from tests.api.conftest import ApiProcess, Start, Still
from tests.api.raw import CONTENT_TYPE, exchange, head
from tests.support.cases import every_case
from tests.support.client import Client, get, request
from tests.support.making import make_account, png

SHOP, LOCAL = "https://shop.example", "http://localhost:3000"
ALLOW = "Access-Control-Allow-Origin"
PREFLIGHT = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def open_process(unit_environment: Mapping[str, str], start_api: Start) -> Iterator[ApiProcess]:
    """An API without workers that two origins may call."""
    origins = {"FLUXIMAGE_CORS_ORIGINS": f"{SHOP}, {LOCAL}", "FLUXIMAGE_WAIT_LIMIT_SECONDS": "1"}
    with start_api(dict(unit_environment) | origins) as process:
        yield process


@pytest.fixture
def api(open_process: ApiProcess, unit: Services) -> Still:
    """A client of it, with a new account."""
    account, key = make_account(unit)
    return Still(open_process.url, key, account, unit, open_process)


def _cors(response: httpx.Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k.startswith("access-control-")}


def _varies(response: httpx.Response) -> bool:
    return "Origin" in re.split(r",\s*", response.headers.get("Vary", ""))


@every_case("origin", [SHOP, LOCAL])
def test_a_named_origin_may_read_answers_and_the_headers_that_clients_read(
    api: Still, origin: str
) -> None:
    answer = api.call("GET", "/api/usage", headers={"Origin": origin})
    assert (answer.status_code, _varies(answer)) == (200, True)
    assert _cors(answer) == {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "Location, Retry-After, WWW-Authenticate,"
        " Preference-Applied, X-Request-Id, Allow, Content-Disposition",
    }


@every_case(
    "origin",
    [
        *("null", "*", "", "https://shop.example.evil.example", "https://evil.example"),
        *("http://shop.example", "https://shop.example:8443", "https://shop.example:443"),
        *("https://shop.example/", "https://SHOP.example", "https://sub.shop.example"),
        *(f"{SHOP}, {LOCAL}", f"{SHOP} {LOCAL}", "http://localhost:3001", "http://localhost"),
    ],
)
def test_any_other_origin_is_told_nothing(api: Still, origin: str) -> None:
    for headers in ({"Origin": origin}, PREFLIGHT | {"Origin": origin}):
        for method in ("GET", "OPTIONS"):
            answer = api.call(method, "/api/usage", headers=headers)
            assert (_cors(answer), _varies(answer)) == ({}, True)
            assert answer.status_code == (200 if method == "GET" else 405)


def test_an_origin_that_comes_twice_is_told_nothing(api: Still) -> None:
    twice = (f"Origin: {SHOP}", f"Origin: {SHOP}", "Connection: close")
    answer = exchange(api.url, [head(api.key, *twice, method="GET", path="/api/usage")])
    assert (answer.status, answer.headers[ALLOW]) == (200, None)


@every_case(
    "more",
    [
        {},
        {"Access-Control-Request-Headers": "authorization,content-type,prefer,idempotency-key"},
        # What is not on the list is refused by the browser, which compares.
        {"Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Headers": "x-other"},
        {"Access-Control-Request-Method": "b?d", "Access-Control-Request-Headers": "a" * 4000},
    ],
)
def test_a_preflight_is_answered_without_a_key(api: Still, more: Mapping[str, str]) -> None:
    for path in ("/api/compress", "/api/sessions/any/events", "/api/nothing"):
        answer = request("OPTIONS", api.url + path, headers=PREFLIGHT | dict(more))
        assert (answer.status_code, answer.content, _varies(answer)) == (204, b"", True)
        assert "Content-Type" not in answer.headers
        assert _cors(answer) == {
            "access-control-allow-origin": SHOP,
            "access-control-expose-headers": ", ".join(EXPOSED),
            "access-control-allow-methods": "GET, HEAD, POST, DELETE",
            "access-control-allow-headers": "Authorization, Content-Type, Prefer,"
            " Idempotency-Key, Last-Event-ID, X-Request-Id, Cache-Control",
            "access-control-max-age": "7200",
        }


def test_options_that_is_no_preflight_is_a_method_that_no_call_has(api: Still) -> None:
    answer = api.call("OPTIONS", "/api/usage", headers={"Origin": SHOP})
    assert (answer.status_code, answer.headers[ALLOW]) == (405, SHOP)


@every_case("call", [call for call in CALLS if call.rule.startswith("/api/")])
def test_every_call_tells_it_in_its_errors_too(api: Still, call: Call) -> None:
    for key in ("flx_live_none", api.key):
        caller = Client(api.url, key, api.account)
        answer = caller.call(call.method, call.path, headers={"Origin": SHOP})
        assert (answer.headers[ALLOW], _varies(answer)) == (SHOP, True)


@every_case(
    "method, path, status",
    [("GET", "/api", 404), ("GET", "/api/nothing", 404), ("PUT", "/api/usage", 405)],
)
def test_what_is_no_call_tells_it_too(api: Still, method: str, path: str, status: int) -> None:
    answer = api.call(method, path, headers={"Origin": SHOP})
    assert (answer.status_code, answer.headers[ALLOW], _varies(answer)) == (status, SHOP, True)


def test_a_body_that_is_too_large_tells_it_too(api: Still) -> None:
    large = (f"Origin: {SHOP}", "Content-Length: 999999999", f"Content-Type: {CONTENT_TYPE}")
    answer = exchange(api.url, [head(api.key, *large)])
    assert (answer.status, answer.headers[ALLOW]) == (413, SHOP)


def test_events_and_an_archive_tell_it(api: Still) -> None:
    fields, later = {"sessionId": "s"}, {"Prefer": "respond-async", "Origin": SHOP}
    accepted = api.compress([("a.png", png())], fields, later)
    assert (accepted.status_code, accepted.headers[ALLOW]) == (202, SHOP)
    api.work()
    link = api.call("GET", "/api/sessions/s").json()["archive_url"]
    for path in ("/api/sessions/s/events", "/api/sessions/s/archive", link):
        answer = api.call("GET", path.removeprefix(api.url), headers={"Origin": SHOP})
        assert (answer.status_code, answer.headers[ALLOW]) == (200, SHOP)


@every_case("path", ["/", "/docs", "/openapi.json", "/health/ready", "/metrics", "/apinothing"])
def test_what_is_not_below_api_is_for_no_other_origin(api: Still, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = request(method, api.url + path, headers=PREFLIGHT)
        assert (_cors(answer), _varies(answer)) == ({}, False)


def test_without_the_setting_nothing_is_told_and_nothing_varies(service_url: str) -> None:
    for method, status in (("GET", 401), ("OPTIONS", 405)):
        answer = request(method, f"{service_url}/api/usage", headers=PREFLIGHT)
        assert (answer.status_code, _cors(answer), _varies(answer)) == (status, {}, False)


def test_the_methods_and_headers_are_those_of_the_calls() -> None:
    below = {
        path: methods
        for path, methods in document(app_of_blueprints())["paths"].items()
        if path.startswith("/api/")
    }
    used = {method.upper() for methods in below.values() for method in methods}
    assert used | {"HEAD"} == set(METHODS)
    told = {
        header
        for methods in below.values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for header in response.get("headers", ())
    }
    assert told <= set(EXPOSED)


def test_a_request_of_no_page_is_answered_as_ever(api: Still) -> None:
    answer = get(f"{api.url}/api/usage", headers={"Authorization": f"Bearer {api.key}"})
    assert (answer.status_code, _cors(answer), _varies(answer)) == (200, {}, True)
