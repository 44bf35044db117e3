"""Why the object store failed, as the log and `fluximage check` say it, from real HTTP answers."""

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time

import pytest

from shared import settings
from shared.clients.object_store import S3Store
from shared.errors import ObjectMissingError, StoreError

XML = "application/xml"
HTML = "<html><body>default backend - 404</body></html>"


@contextmanager
def answering(status: int, body: str, kind: str, date: str) -> Iterator[S3Store]:
    """A store whose server gives every request this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", date)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        given = {
            "REDIS_URL": "redis://unused",
            "DATABASE_URL": "postgresql://unused",
            "S3_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "S3_ACCESS_KEY": "key",
            "S3_SECRET_KEY": "hush-hush",
        }
        try:
            yield S3Store(settings.load(given))
        finally:
            server.shutdown()
            thread.join()


def fault(code: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (403, fault("AccessDenied"), XML, "access denied: S3_ACCESS_KEY has no right"),
        (403, fault("SignatureDoesNotMatch"), XML, "wrong signature: S3_SECRET_KEY"),
        (403, fault("InvalidAccessKeyId"), XML, "unknown access key"),
        (
            403,
            fault("RequestTimeTooSkewed"),
            XML,
            "clocks differ: .* 360[0-9] s ahead of the store's",
        ),
        (403, fault("AccessDenied"), "text/xml", "access denied"),
        (404, fault("NoSuchBucket"), XML, "the bucket does not exist: set S3_BUCKET"),
        (404, fault("NoSuchBucket"), "text/xml; charset=utf-8", "the bucket does not exist"),
        (400, fault("AuthorizationHeaderMalformed"), XML, "wrong region: set S3_REGION"),
        (507, fault("XMinioStorageFull"), XML, "the store is full"),
        (403, fault("SomethingNew"), XML, r"refused the request \(SomethingNew\)"),
        (404, HTML, "text/html", r"no answer of an S3 server \(status 404\)"),
        (403, fault("x")[:40], XML, "no answer of an S3 server"),
        (400, "Client sent an HTTP request to an HTTPS server.", "text/plain", "wants https://"),
        (503, "busy", "text/plain", "answers with errors alone .*503"),
    ],
)
def test_each_answer_has_its_reason_in_the_log(
    status: int, body: str, kind: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    late = formatdate(time() - (3600 if "Skewed" in body else 0), usegmt=True)
    with (
        caplog.at_level(logging.WARNING, "shared.clients.object_store"),
        answering(status, body, kind, late) as store,
        pytest.raises(StoreError) as failed,
    ):
        store.get("some/key")
    assert not isinstance(failed.value, ObjectMissingError)  # which would end the image
    assert failed.value.message == "The object store is not available, try again shortly"
    assert re.search(words, failed.value.reason)
    assert failed.value.reason in caplog.text
    assert "hush" not in caplog.text


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_an_access_denied_of_another_hour_is_told_as_clocks_that_differ(zone: str) -> None:
    date = formatdate(time() + 7200, usegmt=zone == "GMT")
    with (
        answering(403, fault("AccessDenied"), XML, date) as store,
        pytest.raises(StoreError) as failed,
    ):
        store.get("some/key")
    assert re.search(r"clocks differ: .* is 7[12]\d\d s behind", failed.value.reason)


def test_a_missing_object_is_no_outage() -> None:
    with (
        answering(404, fault("NoSuchKey"), XML, formatdate()) as store,
        pytest.raises(ObjectMissingError),
    ):
        store.get("some/key")


def test_a_missing_bucket_ends_no_image(unit_environment: Mapping[str, str]) -> None:
    store = S3Store(settings.load(dict(unit_environment) | {"S3_BUCKET": "missing"}))
    with pytest.raises(StoreError) as failed:
        store.get("some/key")
    assert not isinstance(failed.value, ObjectMissingError)
