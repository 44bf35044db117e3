"""The calls themselves: one connection each, HTTP/1.1, over the guarded network."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import httpcore2

from shared.errors import CallFailedError, NotAllowedError
from shared.outbound.network import NOT_HTTP, TOO_MUCH, Clock, GuardedBackend
from shared.outbound.policy import Policy
from shared.outbound.urls import Target, parse_url

MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_HEAD_BYTES = 65_536  # of an answer: status, headers, and what comes before them
_REST_BYTES = 16_384  # of a body that nobody reads
_REST_SECONDS = 1
_HEADERS = {
    # Strangers need not know the version.
    "User-Agent": "fluximage",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


def post(url: str, body: bytes, headers: Mapping[str, str], *, policy: Policy) -> int:
    """Sends `body` and returns the status of the answer; no redirect is followed.

    Raises NotAllowedError when `url` itself may not be called, which no later try can help, and
    CallFailedError when no answer came, or the host has no address that may be called.
    """
    target = parse_url(url, policy)
    clock = Clock(policy)
    more = {**headers, "Content-Length": str(len(body))}
    with _answer("POST", target, more, body, policy, clock, _HEAD_BYTES + _REST_BYTES) as answer:
        _read_rest(answer, clock)
        return answer.status


@contextmanager
def get(url: str, *, policy: Policy, max_bytes: int) -> Iterator[Iterator[bytes]]:
    """The body of a 200 answer, as it comes and not decoded; at most 3 redirects are followed.

    Raises NotAllowedError and CallFailedError, as `post` does; the latter also while the body is
    read, and for a body of more than `max_bytes`.
    """
    target = parse_url(url, policy)
    clock = Clock(policy)
    # What goes over the wire besides the body is the framing of its chunks.
    wire_bytes = _HEAD_BYTES + 2 * max_bytes
    for _ in range(MAX_REDIRECTS + 1):
        with _answer("GET", target, {}, b"", policy, clock, wire_bytes) as answer:
            location = _header(answer, b"location")
            if answer.status == 200:
                yield _counted(answer, max_bytes)
                return
            if answer.status not in _REDIRECTS or location is None:
                raise CallFailedError(f"The server answered with status {answer.status}.")
        target = _redirected(target, location, policy)
    raise CallFailedError(f"There are more than {MAX_REDIRECTS} redirects.")


@contextmanager
def _answer(
    method: str,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    policy: Policy,
    clock: Clock,
    max_bytes: int,
) -> Iterator[httpcore2.Response]:
    """The answer, whose body is not read yet; the connection ends with the block."""
    url = httpcore2.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path,
    )
    request = httpcore2.Request(
        method,
        url,
        headers=list({"Host": target.authority, **_HEADERS, **headers}.items()),
        content=body,
    )
    connection = httpcore2.HTTPConnection(
        url.origin,
        # A stand-in, see `start_tls`.
        ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if target.scheme == "https" else None,
        network_backend=GuardedBackend(policy, clock, max_bytes),
    )
    try:
        yield connection.handle_request(request)
    except httpcore2.RemoteProtocolError:
        raise CallFailedError(NOT_HTTP) from None  # its text repeats what came
    finally:
        connection.close()


def _read_rest(answer: httpcore2.Response, clock: Clock) -> None:
    """Reads a little: many servers report a connection that is closed before they have written."""
    clock.end_within(_REST_SECONDS)
    with suppress(CallFailedError, httpcore2.RemoteProtocolError):
        for _ in answer.iter_stream():  # ends by the clock, or by the connection's maximum of bytes
            pass


def _counted(answer: httpcore2.Response, max_bytes: int) -> Iterator[bytes]:
    announced = _header(answer, b"content-length") or b"0"
    if not announced.isdigit() or int(announced) > max_bytes:
        raise CallFailedError(TOO_MUCH)
    left = max_bytes
    for chunk in answer.iter_stream():
        left -= len(chunk)
        if left < 0:
            raise CallFailedError(TOO_MUCH)
        yield chunk


def _redirected(target: Target, location: bytes, policy: Policy) -> Target:
    try:
        return parse_url(target.joined(location.decode()), policy)
    except (NotAllowedError, ValueError):
        raise NotAllowedError("A redirect leads to a URL that may not be called.") from None


def _header(answer: httpcore2.Response, name: bytes) -> bytes | None:
    return next((value for key, value in answer.headers if key.lower() == name), None)
