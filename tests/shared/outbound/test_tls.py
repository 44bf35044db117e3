"""TLS: the certificate is that of the name, while the connection goes to the judged address."""

import contextlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import trustme

from shared.errors import CallFailedError
from shared.outbound import get, post
from shared.outbound.network import NO_ANSWER, NOT_TRUSTED
from shared.outbound.ranges import Address
from tests.support.cases import every_case
from tests.support.raw_receiver import Receiver, answer, replies

OK = replies(answer(200, body=b"found"))


@dataclass(frozen=True)
class Authority:
    """A CA whose certificate is in `file`."""

    ca: trustme.CA
    file: Path

    def context(self, *names: str, **more: Any) -> ssl.SSLContext:
        """A server's, with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, **more).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca, file = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(file)
    return Authority(ca, file)


def to_loopback(_: str) -> list[Address]:
    return [ip_address("127.0.0.1")]


def called(receiver: Receiver, ca_file: Path | None, host: str = "hooks.example") -> int:
    policy = receiver.policy(resolver=to_loopback, ca_file=ca_file)
    return post(receiver.url(host=host), b"{}", {}, policy=policy)


def refused(receiver: Receiver, ca_file: Path | None, host: str = "hooks.example") -> str:
    with pytest.raises(CallFailedError) as told:
        called(receiver, ca_file, host)
    assert not receiver.requests
    return told.value.message


@every_case("host", ["hooks.example", "HOOKS.example.", "bücher.example", "127.0.0.1"])
def test_the_name_is_verified_and_asked_for(authority: Authority, host: str) -> None:
    asked: list[str | None] = []
    context = authority.context("hooks.example", "xn--bcher-kva.example", "127.0.0.1")
    context.sni_callback = lambda _, name, __: asked.append(name)
    with Receiver(OK, context=context) as receiver:
        assert called(receiver, authority.file, host) == 200
    name = host.lower().removesuffix(".").encode("idna").decode()
    assert asked == [None if name == "127.0.0.1" else name]
    assert f"Host: {name}:{receiver.port}\r\n".encode() in receiver.requests[0]


def test_a_certificate_of_another_name_is_refused(authority: Authority) -> None:
    with Receiver(OK, context=authority.context("other.example", "127.0.0.1")) as receiver:
        assert refused(receiver, authority.file) == NOT_TRUSTED


def test_a_certificate_of_the_name_is_refused_for_its_address(authority: Authority) -> None:
    with Receiver(OK, context=authority.context("hooks.example")) as receiver:
        assert refused(receiver, authority.file, "127.0.0.1") == NOT_TRUSTED


def test_an_unknown_ca_is_refused(authority: Authority) -> None:
    with Receiver(OK, context=authority.context("hooks.example")) as receiver:
        assert refused(receiver, None) == NOT_TRUSTED


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    context = authority.context("hooks.example", not_after=datetime.now(UTC) - timedelta(days=1))
    with Receiver(OK, context=context) as receiver:
        assert refused(receiver, authority.file) == NOT_TRUSTED


def test_a_server_without_tls_and_one_that_is_silent_read_alike(authority: Authority) -> None:
    for behave in (replies(b"SSH-2.0-OpenSSH\r\n"), lambda connection: connection.recv(1_000)):
        with Receiver(behave, reads=False) as receiver:
            url = receiver.url().replace("http:", "https:")
            policy = receiver.policy(ca_file=authority.file, step_seconds=0.3)
            with pytest.raises(CallFailedError) as told:
                post(url, b"", {}, policy=policy)
        assert told.value.message == NO_ANSWER


def test_a_handshake_that_drips_is_ended(authority: Authority) -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KB
        while True:
            connection.sendall(b"\x00")
            connection.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                connection.recv(1_000)

    with Receiver(behave, reads=False) as receiver:
        url = receiver.url().replace("http:", "https:")
        policy = receiver.policy(ca_file=authority.file, step_seconds=0.5)
        with pytest.raises(CallFailedError, match=NO_ANSWER):
            post(url, b"", {}, policy=policy)


def test_a_redirect_leads_from_name_to_name(authority: Authority) -> None:
    names = []

    def behave(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        location = f"Location: {receiver.url(host='two.example')}"
        connection.sendall(
            answer(302, location) if len(receiver.requests) == 1 else answer(200, body=b"found")
        )

    context = authority.context("one.example", "two.example")
    context.sni_callback = lambda _, name, __: names.append(name)
    with Receiver(behave, context=context) as receiver:
        policy = receiver.policy(resolver=to_loopback, ca_file=authority.file)
        with get(receiver.url(host="one.example"), policy=policy, max_bytes=9) as body:
            assert b"".join(body) == b"found"
    assert names == ["one.example", "two.example"]


def test_threads_share_a_policy(authority: Authority) -> None:
    with Receiver(OK, context=authority.context("hooks.example")) as receiver:
        policy = receiver.policy(resolver=to_loopback, ca_file=authority.file)
        url = receiver.url(host="hooks.example")
        with ThreadPoolExecutor(16) as pool:
            calls = [pool.submit(post, url, b"", {}, policy=policy) for _ in range(64)]
            assert [call.result() for call in calls] == [200] * 64
