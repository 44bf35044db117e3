"""What no page may give away, and what no name or text may do to it."""

import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from infra.embedded import Stack
from shared.services import Services
from tests.api.conftest import Start, start_api  # noqa: F401 - a fixture
from tests.page.conftest import OpenPage
from tests.page.doing import Calls, done, drop, row, rows, write
from tests.support.browser import Faults
from tests.support.client import Client
from tests.support.making import make_account, png

MARKUP = [
    '<img src=x onerror="window.hacked=1">.png',
    '"><script>window.hacked=1<\\script>.png',
    "'-alert(1)-'.png",
    "\u202egnp.exe.png",
    f"{'long' * 60}.png",
]


def names_and_texts_stay_text(page: Page) -> None:
    """Nothing of what clients call things has become an element or has run."""
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[onerror], #rows script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_of_files_and_folders_are_text(page: Page, tmp_path: Path) -> None:
    names = [*MARKUP, "<b>folder/in.png"]
    write(tmp_path, names)
    (tmp_path / "<i>bad<i>.png").write_text("not an image")
    drop(page, *tmp_path.iterdir())
    done(page, len(names))
    expect(row(page, '<img src=x onerror="window.hacked=1">.png')).to_be_visible()
    expect(row(page, "<i>bad<i>.png")).to_contain_text("not an image")
    expect(row(page, "_b_folder/in.png")).to_be_visible()  # as the service cleans it
    names_and_texts_stay_text(page)


def test_an_alt_text_of_markup_is_text(
    open_page: OpenPage, client: Client, service: Services
) -> None:
    text = "<img src=x onerror='window.hacked=1'> \u202e &amp; <b>bold</b>"
    image = client.compress([("a.png", png())], {"sessionId": "s"}).json()["data"][0]
    # The service takes no such text from a model; the page does not rely on it.
    with service.database.transaction() as connection:
        connection.execute("UPDATE images SET alt_text = %s WHERE id = %s", (text, image["id"]))
    page = open_page(client.key, fragment="#session=s")
    expect(row(page, "a.webp")).to_contain_text("<b>bold</b>")
    row(page, "a.webp").get_by_role("button", name="Edit text").click()
    expect(page.get_by_role("textbox", name="Alt text")).to_have_value(re.compile("onerror"))
    names_and_texts_stay_text(page)


def test_a_session_of_the_address_is_text(open_page: OpenPage, client: Client) -> None:
    session = quote("<img src=x onerror=window.hacked=1>/../../usage")
    page = open_page(client.key, fragment=f"#session={session}")
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    names_and_texts_stay_text(page)
    assert rows(page).count() == 0


def test_the_key_stands_in_a_header_alone(
    page: Page, client: Client, stack: Stack, tmp_path: Path
) -> None:
    calls = Calls(page)
    page.reload()
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    row(page, "a.webp").get_by_role("button", name="Compare").click()
    page.keyboard.press("Escape")
    assert calls.uploads
    for request in calls.made:
        headers = request.all_headers()
        own = request.url.startswith(f"{client.url}/api/")
        assert client.key not in request.url
        assert headers.pop("authorization", client.key).endswith(client.key) is own or not own
        assert client.key not in "".join(headers.values())
        assert "session=" not in headers.get("referer", "")
    assert client.key not in page.url
    assert client.key not in page.content()
    logs = [path.read_text(errors="replace") for path in stack.data_dir.folder("logs").iterdir()]
    assert not any(client.key in log for log in logs)


@pytest.mark.parametrize("answer", ["Use", "No"])
def test_a_link_with_a_key_asks_first_and_leaves_no_key_in_the_address(
    open_page: OpenPage, client: Client, service: Services, answer: str
) -> None:
    stranger, strangers_key = make_account(service)
    page = open_page(client.key, fragment=f"#key={strangers_key}")
    assert strangers_key not in page.url
    expect(page.get_by_role("heading", name=stranger.name)).to_be_visible()
    used = "sessionStorage.getItem('fluximage-key')"
    assert page.evaluate(used) == client.key
    page.locator("#sign-in").get_by_role("button", name=answer).click()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    assert page.evaluate(used) == (strangers_key if answer == "Use" else client.key)
    assert page.evaluate("history.length") <= 2
    page.reload()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()


def test_another_accounts_session_shows_nothing(
    open_page: OpenPage, client: Client, service: Services, faults: Faults
) -> None:
    client.compress([("secret.png", png())], {"sessionId": "ours"})
    _, strangers_key = make_account(service)
    faults.allow("status of 404")
    page = open_page(strangers_key, fragment="#session=ours")
    expect(page.locator("#message p")).to_be_visible()
    assert "secret" not in page.content()
    assert rows(page).count() == 0


def test_without_a_key_a_session_is_not_even_asked_for(open_page: OpenPage, client: Client) -> None:
    client.compress([("secret.png", png())], {"sessionId": "ours"})
    page = open_page(fragment="#session=ours")
    calls = Calls(page)
    page.reload()
    expect(page.get_by_label("API key")).to_be_visible()
    assert "secret" not in page.content()
    assert not calls.to("/api/")


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of a page of another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_a_page_of_another_origin_reads_nothing_and_frames_nothing(
    open_page: OpenPage, client: Client, elsewhere: str, faults: Faults
) -> None:
    client.compress([("secret.png", png())], {"sessionId": "ours"})
    page = open_page()
    faults.allow("")
    page.goto(elsewhere)
    read = """async ([path, headers]) => {
      try { return (await fetch(path, { headers })).status; } catch (error) { return error.name; }
    }"""
    key = {"Authorization": f"Bearer {client.key}"}
    for headers in ({}, key):
        for path in ("/api/usage", "/api/sessions/ours", "/", "/health/live"):
            assert page.evaluate(read, [client.url + path, headers]) == "TypeError"
    page.evaluate(
        """(url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      document.documentElement.append(frame);
      return new Promise((done) => { frame.onload = done; });
    }""",
        client.url,
    )
    assert "fluximage" not in (page.frames[1].title() if len(page.frames) > 1 else "")


@pytest.mark.full
def test_a_page_of_a_named_origin_sends_an_image_and_reads_where_its_session_is(
    open_page: OpenPage,
    elsewhere: str,
    unit: Services,
    unit_environment: Mapping[str, str],
    start_api: Start,  # noqa: F811 - the fixture
    faults: Faults,
) -> None:
    _, key = make_account(unit)
    faults.allow("")
    page = open_page()
    page.goto(elsewhere)
    named = {"FLUXIMAGE_CORS_ORIGINS": elsewhere.rstrip("/")}
    with start_api(dict(unit_environment) | named) as api:
        send = """async ([url, key]) => {
          const body = new FormData();
          body.append("file", new File(["any"], "a.png"));
          body.append("sessionId", "ours");
          const headers = { Authorization: `Bearer ${key}`, Prefer: "respond-async" };
          const answer = await fetch(url, { method: "POST", headers, body });
          return [answer.status, answer.headers.get("Location")];
        }"""
        answer = page.evaluate(send, [f"{api.url}/api/compress", key])
    assert answer == [202, "/api/sessions/ours"]
