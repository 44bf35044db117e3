"""`archive_url`: a link that a browser can follow without a key, for a time, and nothing else."""

import io
import re
import zipfile
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from shared.secret_keys import SecretKeys
from shared.services import Services
from tests.api.conftest import Still, in_process
from tests.support.client import Client, get
from tests.support.making import accept, make_account, make_batch, png
from workers import steps

LATER = {"Prefer": "respond-async"}


@pytest.fixture
def link(still: Still) -> str:
    """The link of a session with one image."""
    still.compress([("a.png", png())], {"sessionId": "s"}, LATER)
    assert still.call("GET", "/api/sessions/s").json()["archive_url"] is None
    still.work()
    found: str = still.call("GET", "/api/sessions/s").json()["archive_url"]
    return found


def test_the_link_is_a_relative_path_and_gives_the_archive_without_a_key(
    still: Still, link: str
) -> None:
    assert re.fullmatch(r"/api/archives/[0-9a-f-]{36}\?expires=\d+&signature=[0-9a-f]{64}", link)
    response = get(still.url + link, headers={"Host": "other.example"})
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist()[0] == "a.webp"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_every_wrong_link_gets_the_same_404(still: Still, link: str) -> None:
    path, query = urlsplit(link).path, dict(parse_qsl(urlsplit(link).query))
    wrong = [
        path,
        f"{path}?{urlencode(query | {'signature': 'é' * 64})}",
        f"{path}?{urlencode(query | {'signature': query['signature'][:-1]})}",
        f"{path}?{urlencode(query | {'signature': query['signature'].upper()})}",
        f"{path}?{urlencode(query | {'expires': str(int(query['expires']) + 1)})}",
        f"{path}?{urlencode(query | {'expires': 'x'})}",
        f"/api/archives/00000000-0000-0000-0000-000000000000?{urlencode(query)}",
        f"/api/archives/none?{urlencode(query)}",
    ]
    answers = {(a.status_code, a.text) for a in (get(still.url + one) for one in wrong)}
    assert answers == {(404, '{"error":"There is no such session","code":"not_found"}\n')}


def test_a_link_is_dead_after_its_session_was_deleted(still: Still, link: str) -> None:
    still.call("DELETE", "/api/sessions/s")
    assert get(still.url + link).status_code == 404
    assert still.call("GET", "/api/sessions/s").json()["archive_url"] is None


def test_a_link_expires_after_the_operators_time_and_outlives_a_rotation(unit: Services) -> None:
    account, key = make_account(unit)
    [image] = accept(unit, make_batch(unit, account, session="s"))
    steps.optimise(unit, image)
    old, new = "o" * 32, "n" * 32

    def link(seconds: int, signer: str) -> str:
        services = replace(
            unit,
            settings=unit.settings.model_copy(update={"url_seconds": seconds}),
            secret_keys=SecretKeys([signer]),
        )
        with in_process(services) as client:
            page = client.get("/api/sessions/s", headers={"Authorization": f"Bearer {key}"})
            url: str = page.json["archive_url"]  # type: ignore[index] # JSON of our own
            return url

    with in_process(replace(unit, secret_keys=SecretKeys([new, old]))) as client:
        assert client.get(link(60, old)).status_code == 200
        assert client.get(link(60, new)).status_code == 200
        assert client.get(link(60, "x" * 32)).status_code == 404
        assert client.get(link(-1, new)).status_code == 404


def test_a_links_signature_is_in_no_log(still: Still, link: str) -> None:
    get(still.url + link)
    get(f"{still.url}/nothing{urlsplit(link).path}?{urlsplit(link).query}")
    log = still.process.log.read_text()
    assert urlsplit(link).path in log
    assert dict(parse_qsl(urlsplit(link).query))["signature"] not in log


def test_another_account_has_another_link_for_the_same_session_id(
    still: Still, still_stranger: Client, link: str
) -> None:
    still_stranger.compress([("b.png", png())], {"sessionId": "s"}, LATER)
    still.work()
    other = still_stranger.call("GET", "/api/sessions/s").json()["archive_url"]
    assert urlsplit(other).path != urlsplit(link).path
    crossed = f"{urlsplit(other).path}?{urlsplit(link).query}"
    assert get(still.url + crossed).status_code == 404
