"""One HTTP call: sending it, repeating it where that is safe, and its error as an exception."""

import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from fluximage import errors
from fluximage.backoff import Backoff, OnRetry

Parts = Sequence[tuple[str, tuple[str, Any, str]]]
Json = dict[str, Any]

_CONNECT_SECONDS = 10.0
_WRITE_SECONDS = 60.0  # for the next piece of an upload, not for all of it
_BY_STATUS = {
    401: errors.Unauthorized,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.NotFound,
}
_PLAN_CODES = {"plan_limit", "ia_not_available", "no_credits", "storage_limit"}
_TEMPORARY = {408, 425, 429}
_FOR_GOOD = {501, 505}
_RESULT = "all_failed"  # a finished batch, although its status is 422


class Calls:
    """Calls the service; threads may share it. Its key is in no repr, log or exception."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_seconds: float,
        retry_seconds: float,
        on_retry: OnRetry | None = None,
    ) -> None:
        self.url = _checked_url(url)
        self.retry_seconds = retry_seconds
        self._on_retry = on_retry
        timeout = httpx2.Timeout(
            timeout_seconds, connect=_CONNECT_SECONDS, write=min(_WRITE_SECONDS, timeout_seconds)
        )
        self._http = httpx2.Client(timeout=timeout, verify=authorities(self.url))
        self.use_key(api_key)

    def use_key(self, api_key: str) -> None:
        """Sends this key from now on."""
        # Checked here: the library's error for an illegal header value would repeat it.
        if not re.fullmatch(r"[\x21-\x7e]{1,255}", api_key):
            raise errors.ConfigurationError("The API key is malformed; it begins with flx_live_")
        self._http.headers["Authorization"] = f"Bearer {api_key}"

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def backoff(self, stop: threading.Event | None = None, *, repeat: bool = True) -> Backoff:
        """Returns the attempts of one call; one attempt unless `repeat`."""
        return Backoff(self.retry_seconds if repeat else 0, stop, self._on_retry)

    def ask(
        self,
        method: str,
        path: str,
        *,
        repeat: bool = True,
        stop: threading.Event | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        parts: Callable[[errors.Temporary | None], Parts] | None = None,
    ) -> tuple[int, Json]:
        """Returns the status and the JSON body of an answer that is no error.

        repeat: whether the call may be sent more than once. stop: ends the waiting between two
        attempts. parts: makes the files of a form anew for each attempt, from the error of the
        one before.
        """
        backoff = self.backoff(stop, repeat=repeat)
        last: errors.Temporary | None = None
        while True:
            try:
                with unreachable(self.url):
                    answer = self._http.request(
                        method,
                        self.url + path,
                        params=params,
                        headers=headers,
                        data=form,
                        files=parts(last) if parts else None,
                    )
                return answer.status_code, _body(answer)
            except errors.Temporary as error:
                last = error
                backoff.wait(error)
            except errors.Conflict as error:
                # With an Idempotency-Key: the first request is still being accepted.
                if "Idempotency-Key" not in (headers or {}) or self._is_cancelled(form):
                    raise
                last = _as_temporary(error)
                backoff.wait(last)

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str] | None = None, read_seconds: float
    ) -> Iterator[httpx2.Response]:
        """Gives an answer whose body is read by the caller; raises what `ask` does, at once."""
        timeout = httpx2.Timeout(read_seconds, connect=_CONNECT_SECONDS)
        with (
            unreachable(self.url),
            self._http.stream("GET", self.url + path, headers=headers, timeout=timeout) as answer,
        ):
            if answer.status_code >= 300:
                answer.read()
                _body(answer)
            yield answer

    def _is_cancelled(self, form: Mapping[str, str] | None) -> bool:
        """Whether a conflict is for good, since the form's session was cancelled."""
        try:
            path = session_path((form or {})["sessionId"])
            return bool(self.ask("GET", path, params={"limit": 1})[1]["status"] == "cancelled")
        except (KeyError, errors.NotFound):
            return False


def session_path(session_id: str) -> str:
    """Returns the path of a session; of any text, which the service then does not know."""
    return f"/api/sessions/{quote(session_id, safe='')}"


def authorities(url: str) -> ssl.SSLContext | bool:
    """Returns what a TLS certificate is checked with.

    Reading every authority takes longer than a request, and plain HTTP needs none.
    """
    return url.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def unreachable(url: str) -> Iterator[None]:
    """Turns every error of the connection into Temporary."""
    try:
        yield
    except httpx2.TransportError as error:
        host = urlsplit(url).netloc
        what = str(error) or type(error).__name__
        raise errors.Temporary(f"{host} cannot be reached: {what}") from None


def _checked_url(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.ConfigurationError(
            "The address of the service must be http://… or https://…, such as"
            " http://127.0.0.1:8080"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise errors.ConfigurationError(
            "The address of the service must have no user name, no password, no ? and no #"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _body(answer: httpx2.Response) -> Json:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    if answer.is_success and body:
        return body
    if answer.status_code == 204:
        return {}
    if body.get("code") == _RESULT and "batch_id" in body:
        return body
    raise _error(answer, body)


def _error(answer: httpx2.Response, body: Json) -> errors.FluximageError:
    status = answer.status_code
    more: dict[str, Any] = {
        "status": status,
        "code": str(body.get("code") or f"http_{status}"),
        "request_id": answer.headers.get("X-Request-Id"),
    }
    message = str(body.get("message") or body.get("error") or _no_json(answer))
    if status in _TEMPORARY or (status >= 500 and status not in _FOR_GOOD):
        return errors.Temporary(message, retry_after_seconds=_retry_after(answer), **more)
    if more["code"] == "idempotency_mismatch":
        return errors.KeyReused(message, batch_id=body.get("batch_id"), **more)
    if status == 403 and more["code"] in _PLAN_CODES:
        return errors.PlanError(message, **more)
    if status < 400 or status == 403:
        return errors.ApiError(message, **more)
    return _BY_STATUS.get(status, errors.BadRequest)(message, **more)


def _no_json(answer: httpx2.Response) -> str:
    if answer.is_redirect:
        return "The address redirects; is it http where it should be https?"
    return f"The answer has status {answer.status_code} and is not one of fluximage"


def _retry_after(answer: httpx2.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"[0-9]{1,6}", text) else None


def _as_temporary(error: errors.FluximageError) -> errors.Temporary:
    return errors.Temporary(
        error.message,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        retry_after_seconds=1,
    )


class _HideSignatures(logging.Filter):
    """The library logs each address at INFO; the query of a signed link gives access."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_unsigned, record.args))
        return True


def _unsigned(argument: object) -> object:
    signed = isinstance(argument, httpx2.URL) and b"ignature=" in argument.query
    return str(argument).partition("?")[0] if signed else argument


logging.getLogger("httpx2").addFilter(_HideSignatures())
