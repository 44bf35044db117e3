"""Every error is JSON with `error`, whichever layer finds it, and none shows internals."""

import re

import httpx

from api.errors import STATUSES
from api.headers import PROTECTIVE
from api.http_errors import CODES, SENTENCES
from shared.errors import RequestRefusedError
from tests.api.calls import CALLS, PATHS, Call, methods_of
from tests.api.conftest import Still
from tests.api.raw import Answer, exchange, head
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


def _is_an_error(response: httpx.Response, status: int) -> str:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch("[a-z_]+", response.json()["code"])
    error = response.json()["error"]
    assert isinstance(error, str)
    return error


@every_case(
    "path", ["/api", "/api/", "/api/nothing", "/api/usage/more", "/static/x", "/%00", "/%FF"]
)
def test_an_unknown_path_is_404_in_json(service_url: str, path: str) -> None:
    error = _is_an_error(get(service_url + path), 404)
    assert error == SENTENCES[404]


@every_case("path", ["//api/usage", "/api//usage", "/api/./usage/../usage"])
def test_a_path_written_strangely_gets_no_html(client: Client, path: str) -> None:
    answer = exchange(client.url, [head(client.key, "Connection: close", method="GET", path=path)])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.status in (200, 404)


@every_case("path", PATHS)
def test_a_method_that_a_path_does_not_accept_is_405_in_json(client: Client, path: str) -> None:
    allowed = methods_of(path)
    for method in METHODS:
        if method not in allowed:
            response = client.call(method, path)
            error = _is_an_error(response, 405)
            assert error == SENTENCES[405]
            assert set(response.headers["Allow"].split(", ")) == allowed


def test_a_trailing_slash_is_the_same_path(client: Client) -> None:
    assert client.call("GET", "/api/usage/").status_code == 200


def test_head_answers_as_get_without_a_body(client: Client) -> None:
    response = client.call("HEAD", "/api/usage")
    assert (response.status_code, response.content) == (200, b"")


@every_case(
    "request_, status",
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /api/usage\r\n\r\n", 400),
        (b"GET /api/usage HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: t\r\n" + b"X: a\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: t\r\n" + (b"X: " + b"a" * 8000 + b"\r\n") * 20, 431),
        (b"GET / HTTP/1.1\r\nHost: t\r\nBad Header: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: t\r\n folded\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: cabbage\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: t\r\nExpect: miracles\r\n\r\n", 417),
    ],
)
def test_an_error_that_gunicorn_finds_is_json_too(
    service_url: str, request_: bytes, status: int
) -> None:
    answer = exchange(service_url, [request_], half_close=True)
    assert answer.status == status
    assert PROTECTIVE.items() <= dict(answer.headers).items()
    assert answer.json() == {"error": SENTENCES[status], "code": CODES[status]}
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])


def _text(answer: Answer) -> str:
    return answer.body.decode() + str(answer.headers)


def test_a_proxys_own_headers_from_a_client_change_no_path(client: Client) -> None:
    for header in ("SCRIPT_NAME: /api", "PATH_INFO: /api/usage", "Script-Name: /api"):
        answer = exchange(
            client.url,
            [head(client.key, header, "Connection: close", method="GET", path="/health/live")],
        )
        assert '"plan"' not in _text(answer)
        assert answer.status in (200, 400)


def _protects_browsers(response: httpx.Response) -> None:
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    path = response.request.url.path
    policy = response.headers["Content-Security-Policy"]
    if path in ("/", "/docs"):  # the pages; test_page.py and test_openapi.py have their policies
        assert policy.startswith("default-src 'none'; ")
        assert " frame-ancestors 'none'" in policy
    else:
        assert policy == "default-src 'none'; frame-ancestors 'none'"
    kept = path in ("/", "/docs", "/openapi.json")  # hold nothing of a client's
    assert response.headers["Cache-Control"] == ("no-cache" if kept else "no-store")


@every_case("call", CALLS)
def test_the_answer_to_every_call_has_the_headers_that_protect_browsers(
    client: Client, call: Call
) -> None:
    _protects_browsers(client.call(call.method, call.path))


def test_every_other_answer_has_the_headers_that_protect_browsers(client: Client) -> None:
    _protects_browsers(client.compress([("a.png", png())]))
    _protects_browsers(client.call("POST", "/api/usage"))
    _protects_browsers(client.call("GET", "/nothing"))
    _protects_browsers(get(f"{client.url}/api/usage"))


@every_case("kind", RequestRefusedError.__subclasses__())
def test_every_refused_request_has_a_status(kind: type[RequestRefusedError]) -> None:
    assert 400 <= STATUSES[kind] < 500


def test_no_answer_names_the_server_behind_it_or_a_version(service_url: str) -> None:
    for answer in (
        exchange(service_url, [head("x", method="GET", path="/health/live")]),
        exchange(service_url, [b"NONSENSE\r\n\r\n"]),
    ):
        assert not re.search(r"gunicorn|werkzeug|python|gevent|\d+\.\d+", str(answer.headers), re.I)


def test_json_is_utf8_and_keeps_names(client: Client) -> None:
    response = client.compress([("日本語.png", png())])
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["data"][0]["original_name"] == "日本語.png"


def test_a_client_past_its_rate_is_429_with_retry_after(still: Still) -> None:
    for _ in range(81):  # forty a minute, and a minute may turn over meanwhile
        response = still.call("GET", "/api/usage")
        if response.status_code != 200:
            break
    assert _is_an_error(response, 429) == "Too many requests"
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_the_rate_of_one_account_is_not_anothers(still: Still, still_stranger: Client) -> None:
    while still.call("GET", "/api/usage").status_code == 200:
        pass
    assert still_stranger.call("GET", "/api/usage").status_code == 200
