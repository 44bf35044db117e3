"""The API behind nginx and Caddy, and links behind a CDN, as docs/recipes.md configures them."""

import io
import json
import ssl
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from shared import services, settings
from shared.services import Services
from tests.api.conftest import Still
from tests.support import proxies
from tests.support.making import png
from tests.support.tls import make_certificates

LATER = {"Prefer": "respond-async"}


@dataclass(frozen=True)
class Behind:
    """An HTTP client of the API without workers, through a proxy."""

    http: httpx.Client
    still: Still

    def compress(self, files: list[tuple[str, bytes]], session: str) -> httpx.Response:
        parts = [("file", file) for file in files]
        data = {"sessionId": session}
        return self.http.post("/api/compress", files=parts, data=data, headers=LATER)


@pytest.fixture(
    params=[("Behind nginx", proxies.nginx), ("Behind Caddy", proxies.caddy)],
    ids=["nginx", "caddy"],
)
def behind(request: pytest.FixtureRequest, still: Still, tmp_path: Path) -> Iterator[Behind]:
    """A client over TLS, through each proxy."""
    heading, start = request.param
    made = make_certificates(tmp_path)
    upstream = urlsplit(still.url).netloc
    trust = ssl.create_default_context(cafile=str(made.ca_file))
    with (
        start(proxies.recipe(heading), upstream, made.good_file, tmp_path) as url,
        httpx.Client(
            base_url=url,
            verify=trust,
            headers={"Authorization": f"Bearer {still.key}"},
            timeout=60,
        ) as http,
    ):
        yield Behind(http, still)


def test_an_event_comes_through_a_proxy_before_its_session_ends(behind: Behind) -> None:
    assert behind.compress([("a.png", png()), ("b.png", png())], "s").status_code == 202
    with behind.http.stream("GET", "/api/sessions/s/events") as stream:
        lines = stream.iter_lines()
        behind.still.work()
        first = next(line for line in lines if line.startswith("data: "))
        assert json.loads(first[6:])["original_name"] == "a.png"
        behind.still.work()
        assert "event: session" in list(lines)


@pytest.mark.full
def test_a_batch_of_the_largest_size_comes_through_a_proxy(behind: Behind) -> None:
    size = 20 * 1024 * 1024 - 1
    files = [(f"{number}.png", png() + bytes(size - len(png()))) for number in range(20)]
    assert behind.compress(files, "large").status_code == 202


def test_an_archive_comes_whole_through_a_proxy(behind: Behind) -> None:
    behind.compress([("red/a.png", png()), ("b.png", png())], "s")
    behind.still.work(2)
    link = behind.http.get("/api/sessions/s").json()["archive_url"]
    answer = behind.http.get(link, headers={"Authorization": ""})
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert names == ["red/a.webp", "b.webp", "manifest.json", "manifest.csv"]


def test_a_refused_upload_is_answered_through_a_proxy(behind: Behind) -> None:
    files = [("file", ("a.png", bytes(5_000_000)))]
    answer = behind.http.post("/api/compress", files=files, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"


def test_metrics_are_not_seen_from_outside(behind: Behind) -> None:
    assert behind.http.get("/metrics").status_code == 404
    assert behind.http.get("/health/live").headers["strict-transport-security"]


def test_a_signed_link_is_served_by_a_cdn_and_no_other_query_opens_its_file(
    unit: Services, unit_environment: Mapping[str, str], tmp_path: Path
) -> None:
    made = make_certificates(tmp_path)
    upstream = urlsplit(unit_environment["S3_ENDPOINT"]).netloc
    block = proxies.recipe("A CDN in front")
    with proxies.nginx(block, upstream, made.good_file, tmp_path) as url:
        environment = dict(unit_environment) | {"S3_PUBLIC_ENDPOINT": url}
        unit.store.put("cdn/a.png", io.BytesIO(png()), len(png()), "image/png")
        with closing(services.build(settings.load(environment))) as built:
            link = built.store.sign("cdn/a.png", "a.png", 60)
        trust = ssl.create_default_context(cafile=str(made.ca_file))
        seen = [httpx.get(link, verify=trust) for _ in range(2)]
        assert [each.content for each in seen] == [png(), png()]
        assert [each.headers["x-cache"] for each in seen] == ["MISS", "HIT"]
        forged = link.replace("X-Amz-Signature=", "X-Amz-Signature=0")
        assert httpx.get(forged, verify=trust).status_code == 403
        assert httpx.get(link.partition("?")[0], verify=trust).status_code == 400
        assert httpx.delete(link, verify=trust).status_code == 403
