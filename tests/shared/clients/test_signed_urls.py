"""A signed URL opens what it was signed for, as it was signed, until it ends; nothing else."""

import io
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.services import Services

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


@pytest.mark.parametrize(
    "name",
    [
        "response-content-disposition",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ],
)
@pytest.mark.parametrize("change", ["dropped", "emptied", "longer", "twice", "lower"])
def test_no_parameter_can_be_changed(signed: Signed, name: str, change: str) -> None:
    value = dict(signed.parameters)[name]
    changed: dict[str, Parameters] = {
        "dropped": [],
        "emptied": [(name, "")],
        "longer": [(name, f"{value}0")],
        # The right one before the wrong one may pass where it is the signature: it says nothing.
        "twice": [(name, f"{value}0"), (name, value)],
        "lower": [(name.lower() if name != name.lower() else name.upper(), value)],
    }
    rest = [pair for pair in signed.parameters if pair[0] != name]
    assert signed.is_refused(signed.having(changed[change] + rest))


@pytest.mark.parametrize(
    ("name", "value"),
    [
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
    ],
)
@pytest.mark.parametrize("place", ["first", "last"])
def test_no_parameter_can_be_added(signed: Signed, name: str, value: str, place: str) -> None:
    more = [(name, value)]
    added = more + signed.parameters if place == "first" else signed.parameters + more
    assert signed.is_refused(signed.having(added))


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed.others_key,
        lambda signed: signed.key.replace("/out/", "/in/"),
        lambda signed: signed.key.upper(),
        lambda signed: signed.key + "/",
        lambda signed: signed.key + "%00",
        lambda signed: f"x/../{signed.others_key}",
        lambda signed: f"{signed.key}/../../../{signed.others_key}",
        lambda signed: f"x/%2e%2e/{signed.others_key}",
        lambda signed: f"/{signed.others_key}",
        lambda _: "",
    ],
)
def test_no_other_object_can_be_named(signed: Signed, change: Callable[[Signed], str]) -> None:
    url = signed.url.replace(signed.key, change(signed))
    # httpx would tidy the dots away before it asks.
    request = signed.client.build_request("GET", url)
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}".encode()
    request.url = httpx.URL(signed.url).copy_with(raw_path=target)
    answer = signed.client.send(request)
    assert answer.is_client_error
    assert OTHERS not in answer.content
    assert CONTENT not in answer.content


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE", "PATCH"])
def test_it_is_for_reading_alone(signed: Signed, method: str) -> None:
    assert signed.is_refused(signed.url, method)
    assert httpx.get(signed.url).content == CONTENT


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:9000"])
def test_it_is_of_the_host_that_it_was_signed_for(signed: Signed, host: str) -> None:
    assert signed.is_refused(signed.url, headers={"Host": host})


def test_its_signature_opens_nothing_that_was_signed_later(
    signed: Signed, unit_services: Services
) -> None:
    later = unit_services.store.sign(signed.others_key, "cat.webp", 600)
    mine, theirs = (dict(parse_qsl(urlsplit(url).query)) for url in (signed.url, later))
    forged = theirs | {"X-Amz-Signature": mine["X-Amz-Signature"]}
    assert signed.is_refused(urlunsplit(urlsplit(later)._replace(query=urlencode(forged))))


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
