"""A call with a body, to receivers that answer well, badly, slowly or never."""

import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import pytest

from shared.errors import CallFailedError, NotAllowedError
from shared.outbound import post
from shared.outbound.network import NO_ANSWER, NOT_HTTP, TOO_LATE, TOO_MUCH
from tests.support.cases import every_case
from tests.support.raw_receiver import Behaviour, Receiver, answer, replies

QUICK: dict[str, Any] = {"step_seconds": 0.3, "call_seconds": 0.6}


def failed(behave: Behaviour, *, body: bytes = b"{}", reads: bool = True, **limits: float) -> str:
    """What the error of a call to such a receiver says; a socket left open is a warning."""
    with Receiver(behave, reads=reads) as receiver, pytest.raises(CallFailedError) as told:
        post(receiver.url(), body, {}, policy=receiver.policy(**limits))
    assert receiver.connections == 1
    return told.value.message


def drips(text: bytes) -> Behaviour:
    """Sends the first byte of `text` again and again, each well within the limit of a step."""

    def behave(connection: socket.socket) -> None:
        for position in range(10_000):
            connection.sendall(text[position % len(text) :][:1])
            time.sleep(0.02)

    return behave


def floods(text: bytes, start: bytes = b"") -> Behaviour:
    """Sends `text` without end."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(text)

    return behave


def is_silent(connection: socket.socket) -> None:
    """Waits until the caller has closed."""
    while connection.recv(1_000):
        pass


def test_the_body_and_the_headers_arrive_and_the_status_comes_back() -> None:
    with Receiver(replies(answer(202, body=b"thanks"))) as receiver:
        headers = {"Content-Type": "application/json", "webhook-id": "msg_1"}
        url = receiver.url("/hook?a=b#c")
        assert post(url, b'{"a": 1}', headers, policy=receiver.policy()) == 202
    (request,) = receiver.requests
    assert request.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert request.endswith(b'\r\n\r\n{"a": 1}')
    assert set(request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]) == {
        f"Host: 127.0.0.1:{receiver.port}".encode(),
        b"User-Agent: fluximage",
        b"Accept: */*",
        b"Accept-Encoding: identity",
        b"Connection: close",
        b"Content-Type: application/json",
        b"webhook-id: msg_1",
        b"Content-Length: 8",
    }


@every_case(
    "status", [200, 204, 299, 300, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503, 599, 999]
)
def test_every_status_comes_back_and_no_redirect_is_followed(status: int) -> None:
    with Receiver(replies(answer(status, "Location: /elsewhere"))) as receiver:
        assert post(receiver.url(), b"", {}, policy=receiver.policy()) == status
    assert receiver.connections == 1


def test_answers_before_the_answer_are_passed_over() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with Receiver(replies(early, answer(201))) as receiver:
        assert post(receiver.url(), b"", {}, policy=receiver.policy()) == 201


def test_nothing_in_the_environment_leads_a_call_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    (netrc := tmp_path / "netrc").write_text("default login user password word")  # type: ignore[operator]  # a Path
    with Receiver(replies(answer(200))) as proxy, Receiver(replies(answer(201))) as receiver:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            for spelt in (name, name.lower()):
                monkeypatch.setenv(spelt, proxy.url())
        monkeypatch.setenv("NETRC", str(netrc))
        assert post(receiver.url(), b"", {}, policy=receiver.policy()) == 201
    assert not proxy.connections
    assert b"uthorization" not in receiver.requests[0]


def test_no_cookie_is_kept() -> None:
    with Receiver(replies(answer(200, "Set-Cookie: a=b; Path=/"))) as receiver:
        for _ in range(2):
            post(receiver.url(), b"", {}, policy=receiver.policy())
    assert not any(b"ookie" in request for request in receiver.requests)


def closes(connection: socket.socket) -> None:
    """Ends without an answer."""


def resets(connection: socket.socket) -> None:
    """Ends with a reset in place of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_closed_port_a_silent_one_and_one_that_hangs_up_read_alike() -> None:
    with Receiver(closes) as gone:
        policy = gone.policy()
    with pytest.raises(CallFailedError) as told:
        post(gone.url(), b"", {}, policy=policy)
    assert told.value.message == NO_ANSWER
    for behave in (is_silent, closes, resets):
        assert failed(behave, **QUICK) == NO_ANSWER


def test_a_port_that_takes_no_connection_reads_like_a_closed_one() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        with Receiver(closes) as receiver:
            # All addresses together take one step: three of them would outlast the call.
            more = {"resolver": lambda _: [ip_address("127.0.0.1")] * 3} | QUICK
            policy = receiver.policy(ports=frozenset({port}), **more)
            with pytest.raises(CallFailedError) as told:
                post(f"http://three.example:{port}/", b"", {}, policy=policy)
        for one in waiting:
            one.close()
    assert told.value.message == NO_ANSWER


@every_case(
    "text",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.internal ESMTP\r\n",
        b"-ERR unknown command\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 2000 High\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"\x00" * 1_000,
        b"\xff\xfe",
    ],
)
def test_what_is_not_http_fails_and_is_not_repeated(text: bytes) -> None:
    assert failed(replies(text)) == NOT_HTTP


def test_an_answer_that_stops_half_way_is_ended() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        is_silent(connection)

    assert failed(behave, **QUICK) == TOO_LATE


@every_case("text", [b"H", b"HTTP/1.1 200 OK\r\nA: " + b"b" * 10_000, b"HTTP/1.1 100 C\r\n\r\n"])
def test_a_receiver_that_drips_is_ended(text: bytes) -> None:
    assert failed(drips(text), call_seconds=0.6) == TOO_LATE


@every_case(
    "text, start",
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n", b""),
        (b"A: b\r\n", b"HTTP/1.1 200 OK\r\n"),
        (b"a" * 10_000, b"HTTP/1.1 200 OK\r\nA: "),
        (b"\r\n", b""),
        (b"a" * 1_000, b""),
    ],
)
def test_a_flood_of_headers_is_ended(text: bytes, start: bytes) -> None:
    assert failed(floods(text, start)) in (TOO_MUCH, NOT_HTTP)


def test_a_receiver_that_does_not_read_is_ended() -> None:
    large = b"a" * 20_000_000
    assert failed(lambda _: time.sleep(1), body=large, reads=False, **QUICK) == NO_ANSWER


def test_a_receiver_that_reads_one_byte_at_a_time_is_ended() -> None:
    def behave(connection: socket.socket) -> None:
        while connection.recv(20_000):
            time.sleep(0.02)

    large = b"a" * 20_000_000
    assert failed(behave, body=large, reads=False, **QUICK) in (TOO_LATE, NO_ANSWER)


def test_an_answer_before_the_whole_body_was_sent_counts() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(answer(413))
        connection.shutdown(socket.SHUT_RD)  # a reset would overtake the answer
        time.sleep(0.1)

    with Receiver(behave, reads=False) as receiver:
        body = b"a" * 20_000_000
        assert post(receiver.url(), body, {}, policy=receiver.policy()) == 413


@every_case(
    "start, text",
    [
        (b"\r\n", b"a" * 60_000),
        (b"Content-Length: 99999999999\r\n\r\n", b"a" * 60_000),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"a" * 999 + b"\r\na\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"not a chunk"),
    ],
)
def test_of_an_endless_body_only_a_little_is_read(start: bytes, text: bytes) -> None:
    sent = 0

    def behave(connection: socket.socket) -> None:
        nonlocal sent
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + start)
        while True:
            sent += connection.send(text)

    with Receiver(behave) as receiver:
        assert post(receiver.url(), b"", {}, policy=receiver.policy()) == 200
    assert sent < 10_000_000  # what the system's buffers take


def test_a_body_that_never_ends_does_not_hold_the_call() -> None:
    ended: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        connection.settimeout(6)  # less than a step of the call
        ended.append(connection.recv(1))

    with Receiver(behave) as receiver:
        assert post(receiver.url(), b"", {}, policy=receiver.policy()) == 200
    assert ended == [b""]


def test_a_receiver_that_sends_its_body_later_meets_no_reset() -> None:
    told: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        time.sleep(0.1)
        connection.sendall(b"body")
        told.append(connection.recv(1))

    with Receiver(behave) as receiver:
        assert post(receiver.url(), b"", {}, policy=receiver.policy()) == 200
    assert told == [b""]


def test_a_url_that_may_not_be_called_is_not_called() -> None:
    with Receiver(replies(answer(200))) as receiver, pytest.raises(NotAllowedError):
        post(receiver.url(), b"", {}, policy=receiver.policy(networks=()))
    assert not receiver.connections


def test_many_threads_call_at_once() -> None:
    together = threading.Barrier(32, timeout=30)

    def behave(connection: socket.socket) -> None:
        together.wait()
        connection.sendall(answer(200))

    with Receiver(behave) as receiver, ThreadPoolExecutor(32) as pool:
        policy = receiver.policy()
        calls = [pool.submit(post, receiver.url(), b"", {}, policy=policy) for _ in range(64)]
        assert [call.result() for call in calls] == [200] * 64
