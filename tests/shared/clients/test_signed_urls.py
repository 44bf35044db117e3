"""A signed URL opens what it was signed for, as it was signed, until it ends; nothing else."""

import io
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clients.object_store import S3Store
from shared.services import Services
from shared.settings import load

CONTENT = b"only for who has the link"
OTHERS = b"another account's"
Parameters = list[tuple[str, str]]


@dataclass
class Signed:
    """A URL of one object, and another object's key beside it."""

    url: str
    key: str
    others_key: str
    client: httpx.Client

    @property
    def parameters(self) -> Parameters:
        """Its query, decoded."""
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)

    def having(self, parameters: Parameters) -> str:
        """The URL with another query."""
        query = urlencode(parameters, quote_via=quote)
        return urlunsplit(urlsplit(self.url)._replace(query=query))

    def is_refused(self, url: str, method: str = "GET", **more: dict[str, str]) -> bool:
        """Whether the store refuses it, and not a byte of any object comes."""
        answer = self.client.request(method, url, **more)  # type: ignore[arg-type] # headers
        told = answer.content + str(answer.headers).encode()
        return answer.is_client_error and CONTENT not in told and OTHERS not in told


@pytest.fixture(scope="module")
def signed(unit_services: Services) -> Iterator[Signed]:
    store = unit_services.store
    key, others_key = (f"{uuid4()}/out/{uuid4()}.webp" for _ in range(2))
    for name, content in ((key, CONTENT), (others_key, OTHERS)):
        store.put(name, io.BytesIO(content), len(content), "image/webp")
    with httpx.Client() as client:
        yield Signed(store.sign(key, "cat.webp", 600), key, others_key, client)


def test_it_opens_as_it_was_signed(signed: Signed) -> None:
    assert httpx.get(signed.url).content == CONTENT
    assert httpx.get(signed.having(signed.parameters)).content == CONTENT


PARAMETERS = (
    "response-content-disposition",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


@pytest.mark.parametrize("name", PARAMETERS)
def test_no_parameter_can_be_changed(signed: Signed, name: str) -> None:
    value = dict(signed.parameters)[name]
    changes: dict[str, Parameters] = {
        "dropped": [],
        "emptied": [(name, "")],
        "longer": [(name, f"{value}0")],
        # The right one before the wrong one may pass where it is the signature: it says nothing.
        "twice": [(name, f"{value}0"), (name, value)],
        "lower": [(name.lower() if name != name.lower() else name.upper(), value)],
    }
    rest = [pair for pair in signed.parameters if pair[0] != name]
    for change, changed in changes.items():
        assert signed.is_refused(signed.having(changed + rest)), change


def test_it_does_not_open_without_its_signature(signed: Signed) -> None:
    assert signed.is_refused(signed.having([]))


MORE_PARAMETERS = (
    ("response-content-type", "text/html"),
    ("response-content-disposition", "inline"),
    ("response-cache-control", "public"),
    ("X-Amz-Security-Token", "x"),
    ("versionId", "null"),
    ("partNumber", "1"),
    ("acl", ""),
    ("uploads", ""),
    ("list-type", "2"),
    ("x", "y"),
)


def test_no_parameter_can_be_added(signed: Signed) -> None:
    for more in MORE_PARAMETERS:
        assert signed.is_refused(signed.having([more, *signed.parameters])), f"{more} first"
        assert signed.is_refused(signed.having([*signed.parameters, more])), f"{more} last"


def test_no_other_object_can_be_named(signed: Signed) -> None:
    for other in (
        signed.others_key,
        signed.key.replace("/out/", "/in/"),
        signed.key.upper(),
        signed.key + "/",
        signed.key + "%00",
        f"x/../{signed.others_key}",
        f"{signed.key}/../../../{signed.others_key}",
        f"x/%2e%2e/{signed.others_key}",
        f"/{signed.others_key}",
        "",
    ):
        parts = urlsplit(signed.url.replace(signed.key, other))
        request = signed.client.build_request("GET", signed.url)
        # httpx would tidy the dots away before it asks.
        target = f"{parts.path}?{parts.query}".encode()
        request.url = httpx.URL(signed.url).copy_with(raw_path=target)
        answer = signed.client.send(request)
        assert answer.is_client_error, other
        assert OTHERS not in answer.content, other
        assert CONTENT not in answer.content, other


def test_it_is_for_reading_alone(signed: Signed) -> None:
    for method in ("HEAD", "PUT", "POST", "DELETE", "PATCH"):
        assert signed.is_refused(signed.url, method), method
        assert httpx.get(signed.url).content == CONTENT, method


def test_it_is_of_the_host_that_it_was_signed_for(signed: Signed) -> None:
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:9000"):
        assert signed.is_refused(signed.url, headers={"Host": host}), host


def test_it_downloads_under_the_name_that_it_was_signed_for(
    signed: Signed, unit_services: Services
) -> None:
    answer = httpx.get(unit_services.store.sign(signed.key, "猫 “x”.webp", 600))
    assert answer.content == CONTENT
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment;")
    assert "filename*=UTF-8''%E7%8C%AB%20%E2%80%9Cx%E2%80%9D.webp" in disposition


def test_it_ends(signed: Signed, unit_services: Services) -> None:
    url = unit_services.store.sign(signed.key, "cat.webp", 1)
    time.sleep(2.1)
    assert signed.is_refused(url)


def test_it_has_the_public_address(unit_environment: dict[str, str]) -> None:
    public = load(unit_environment | {"S3_PUBLIC_ENDPOINT": "https://cdn.example.com"})
    assert S3Store(public).sign("a/out/b.webp", "b.webp", 60).startswith("https://cdn.example.com/")


def test_its_signature_opens_nothing_that_was_signed_later(
    signed: Signed, unit_services: Services
) -> None:
    later = unit_services.store.sign(signed.others_key, "cat.webp", 600)
    mine, theirs = (dict(parse_qsl(urlsplit(url).query)) for url in (signed.url, later))
    forged = theirs | {"X-Amz-Signature": mine["X-Amz-Signature"]}
    assert signed.is_refused(urlunsplit(urlsplit(later)._replace(query=urlencode(forged))))


@pytest.mark.full
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_one_character_that_is_changed_is_refused(signed: Signed, data: st.DataObject) -> None:
    start = signed.url.index("/", len("http://")) + 1
    at = data.draw(st.integers(start, len(signed.url) - 1))
    # A # ends what is sent at all.
    character = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-._~/?&=%+"))
    url = signed.url[:at] + character + signed.url[at + 1 :]
    same = _meaning(url) == _meaning(signed.url)
    assert same or signed.is_refused(url)


def _meaning(url: str) -> tuple[str, Parameters]:
    """What two spellings of one URL share, percent-encoding taken away."""
    parts = urlsplit(url)
    return unquote(parts.path), sorted(parse_qsl(parts.query, keep_blank_values=True))
