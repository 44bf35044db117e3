"""A body that is fetched: redirects, limits, and what a receiver may try."""

import socket
import time

import pytest

from shared.errors import CallFailedError, NotAllowedError
from shared.outbound import get
from shared.outbound.network import NO_ANSWER, NOT_HTTP, TOO_LATE, TOO_MUCH
from tests.support.cases import every_case
from tests.support.raw_receiver import Behaviour, Receiver, answer, replies

MAX_BYTES = 100_000


def fetched(receiver: Receiver, path: str = "/", **more: float) -> bytes:
    with get(receiver.url(path), policy=receiver.policy(**more), max_bytes=MAX_BYTES) as body:
        return b"".join(body)


def failed(behave: Behaviour, **more: float) -> str:
    with Receiver(behave) as receiver, pytest.raises(CallFailedError) as told:
        fetched(receiver, "/", **more)
    return told.value.message


class Chain:
    """Answers request after request with what is given, then with `found`."""

    def __init__(self, *locations: str, status: int = 302) -> None:
        self._answers = [answer(status, f"Location: {location}") for location in locations]

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(self._answers.pop(0) if self._answers else answer(200, body=b"found"))


def paths(receiver: Receiver) -> list[bytes]:
    return [request.split(b" ")[1] for request in receiver.requests]


def test_a_body_comes_as_it_is_sent_and_is_not_decoded() -> None:
    body = bytes(range(256)) * 300
    with Receiver(replies(answer(200, "Content-Encoding: gzip", body=body))) as receiver:
        assert fetched(receiver) == body
    assert b"Accept-Encoding: identity" in receiver.requests[0]


def test_a_body_comes_in_pieces_while_it_is_sent() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        connection.recv(1)  # the caller, who has the first half, closes
        ended.append(True)

    ended: list[bool] = []
    with (
        Receiver(behave) as receiver,
        get(receiver.url(), policy=receiver.policy(), max_bytes=MAX_BYTES) as body,
    ):
        assert next(body) == b"one"
        assert not ended
    assert ended


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\nX-Length: %d\r\n\r\n%s"


@every_case("form", [LENGTH, CHUNKED, TO_THE_END])
def test_a_body_may_have_the_limit_and_no_byte_more(form: bytes) -> None:
    body = b"a" * MAX_BYTES
    with Receiver(replies(form % (len(body), body))) as receiver:
        assert fetched(receiver) == body
    body += b"a"
    assert failed(replies(form % (len(body), body))) == TOO_MUCH


def test_an_announced_body_that_is_too_large_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"
    assert failed(replies(head, b"a" * 50)) == TOO_MUCH


def test_chunks_that_are_mostly_framing_are_ended() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1;" + b"x" * 9_000 + b"\r\na\r\n")

    assert failed(behave) == TOO_MUCH


def test_a_body_that_breaks_off_fails() -> None:
    assert failed(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")) == NOT_HTTP


def test_a_body_that_drips_is_ended() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while True:
            connection.sendall(b"a")
            time.sleep(0.02)

    assert failed(behave, call_seconds=0.5) == TOO_LATE


@every_case("status", [201, 204, 206, 300, 304, 400, 403, 404, 500])
def test_another_status_than_200_fails_and_says_which(status: int) -> None:
    said = failed(replies(answer(status, "Location: /", body=b"secret")))
    assert said == f"The server answered with status {status}."


@every_case("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    with Receiver(Chain("/there?a=b", status=status)) as receiver:
        assert fetched(receiver, "/here/") == b"found"
    assert paths(receiver) == [b"/here/", b"/there?a=b"]


@every_case(
    "location, path",
    [
        ("b", "/a/b"),
        ("../b", "/b"),
        ("/b/../c", "/c"),
        ("?b", "/a/?b"),
        ("", "/a/"),
        ("#b", "/a/"),
        ("b%20c", "/a/b%20c"),
    ],
)
def test_a_redirect_may_be_relative(location: str, path: str) -> None:
    with Receiver(Chain(location)) as receiver:
        fetched(receiver, "/a/")
    assert paths(receiver) == [b"/a/", path.encode()]


def test_three_redirects_are_followed_and_no_fourth() -> None:
    with Receiver(Chain("/1", "/2", "/3")) as receiver:
        assert fetched(receiver) == b"found"
    assert failed(Chain("/1", "/2", "/3", "/4")) == "There are more than 3 redirects."


def test_all_redirects_share_the_time_of_one_call() -> None:
    def behave(connection: socket.socket) -> None:
        time.sleep(0.3)
        connection.sendall(answer(302, "Location: /"))

    assert failed(behave, call_seconds=0.7) in (NO_ANSWER, TOO_LATE)


def test_a_redirect_without_a_target_fails() -> None:
    assert failed(replies(answer(302))) == "The server answered with status 302."


@every_case(
    "location",
    [
        "http://127.0.0.2:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.2]:{port}/",
        "//127.0.0.2:{port}/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://2130706434:{port}/",
        "http://user@127.0.0.1:{port}/",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/",
        "http://[/",
        "/a b",
        "\\\\127.0.0.2\\a",
        "/caf\u00e9",  # in Latin-1
        "/" + "a" * 3_000,
    ],
)
def test_a_redirect_is_judged_like_the_first_url(location: str) -> None:
    def behave(connection: socket.socket) -> None:
        Chain(location.format(port=receiver.port))(connection)

    with Receiver(behave) as receiver, pytest.raises(NotAllowedError) as told:
        fetched(receiver)
    assert told.value.message == "A redirect leads to a URL that may not be called."
    assert receiver.connections == 1


def test_a_fault_of_the_reader_passes_through() -> None:
    with (
        Receiver(replies(answer(200, body=b"a"))) as receiver,
        pytest.raises(LookupError),
        get(receiver.url(), policy=receiver.policy(), max_bytes=MAX_BYTES),
    ):
        raise LookupError
