"""What comes at a wrong moment: late answers, sessions that go, a second drop before the first."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import OpenPage
from tests.page.doing import Calls, done, drop, row, rows, session_of, write
from tests.support.browser import Faults
from tests.support.client import Client
from tests.support.making import png

PAGE_OF_SESSION = re.compile(r"/api/sessions/[^/]+\?limit=1$")


class Gate:
    """Holds the requests of a page that match, until it is opened."""

    def __init__(self, page: Page, url: str | re.Pattern[str]) -> None:
        self.page = page
        self.held: list[Route] = []
        self.is_open = False
        page.route(url, self._came)

    def _came(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.held.append(route)

    def wait(self, count: int = 1) -> None:
        """Waits until so many are held."""
        while len(self.held) < count:
            self.page.wait_for_timeout(20)

    def open(self) -> None:
        """Lets them go on, and all that follow."""
        self.is_open = True
        for route in self.held:
            route.continue_()


def _name_session(page: Page, name: str) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_label("Session name").fill(name)
    page.keyboard.press("Escape")


def test_an_address_of_no_session_says_so_and_is_an_empty_page(
    open_page: OpenPage, client: Client, faults: Faults
) -> None:
    faults.allow("status of 404")
    page = open_page(client.key, fragment="#session=never")
    expect(page.get_by_role("alert")).to_contain_text("session")
    expect(page.get_by_text("Drop photographs or folders anywhere")).to_be_visible()
    assert "never" not in page.url
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


@pytest.mark.parametrize("name", ["", ".."])
def test_a_name_that_no_session_has_asks_for_nothing(
    open_page: OpenPage, client: Client, name: str
) -> None:
    page = open_page(client.key, fragment=f"#session={name}")
    calls = Calls(page)
    page.evaluate("(name) => { location.hash = `#session=${name}`; location.reload(); }", name)
    expect(page.get_by_text("Drop photographs or folders anywhere")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert not calls.to("/api/sessions")


def test_a_session_that_was_deleted_says_so_and_takes_no_more(
    open_page: OpenPage, client: Client, tmp_path: Path
) -> None:
    client.compress([("first.png", png())], {"sessionId": "s"})
    client.call("DELETE", "/api/sessions/s")
    page = open_page(client.key, fragment="#session=s")
    expect(page.get_by_role("alert")).to_contain_text("was deleted")
    _name_session(page, "s")
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    assert session_of(page) != "s"


def test_what_is_dropped_after_a_deletion_elsewhere_goes_into_a_new_session(
    page: Page, client: Client, tmp_path: Path
) -> None:
    first, second = write(tmp_path, ["a.png", "b.png"])
    gate = Gate(page, "**/events?*")
    drop(page, first)
    gate.wait()
    client.call("DELETE", f"/api/sessions/{session_of(page)}")
    gate.open()
    expect(page.get_by_role("alert")).to_contain_text("was deleted")
    drop(page, second)
    done(page, 1)
    expect(row(page, "b.webp")).to_be_visible()


def test_what_is_dropped_while_a_session_is_opened_comes_into_it(
    open_page: OpenPage, client: Client, tmp_path: Path
) -> None:
    client.compress([("first.png", png())], {"sessionId": "s"})
    page = open_page(client.key)
    gate = Gate(page, PAGE_OF_SESSION)
    page.evaluate("location.hash = '#session=s'")
    gate.wait()
    drop(page, *write(tmp_path, ["second.png"]))
    page.wait_for_timeout(300)
    gate.open()
    done(page, 2)
    assert session_of(page) == "s"


def test_two_drops_at_once_into_a_named_session_end(
    page: Page, client: Client, tmp_path: Path
) -> None:
    client.compress([("old.png", png())], {"sessionId": "s"})
    _name_session(page, "s")
    first, second = write(tmp_path, ["a.png", "b.png"])
    gate = Gate(page, PAGE_OF_SESSION)
    drop(page, first)
    gate.wait()
    drop(page, second)
    page.wait_for_timeout(1000)  # it would have been accepted by now
    gate.open()
    done(page, 3)


def test_a_new_name_of_the_session_loses_nothing_that_is_being_sent(
    page: Page, tmp_path: Path
) -> None:
    first, second = write(tmp_path, ["a.png", "b.png"])
    gate = Gate(page, "**/api/compress")
    drop(page, first)
    gate.wait()
    page.get_by_role("button", name="Change").click()
    _name_session(page, "s")
    drop(page, second)
    gate.wait(2)
    gate.open()
    done(page, 2)


def test_a_stream_that_works_again_leaves_what_a_stop_offers(
    page: Page, client: Client, tmp_path: Path
) -> None:
    first, second = write(tmp_path, ["a.png", "b.png"])
    stream = Gate(page, "**/events?*")
    drop(page, first)
    stream.wait()
    client.call(
        "GET", f"/api/sessions/{session_of(page)}?wait=20"
    )  # so that the stop finds it done
    sending = Gate(page, "**/api/compress")
    drop(page, second)
    sending.wait()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#progress")).to_contain_text("1 stopped")
    stream.open()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_role("button", name="Start over")).to_be_visible()
    sending.open()
    page.get_by_role("button", name="Compress the rest").click()
    expect(row(page, "b.webp")).to_be_visible()


def test_deleting_ends_the_reading_of_folders(page: Page, tmp_path: Path) -> None:
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    page.evaluate("""async () => {
      const { take } = await import("/page/run.js");
      const [{ entry }] = (await import("/page/store.js")).state.rows.values();
      take((async function* () {
        yield { file: new File([entry.file], "b.png"), path: "b.png" };
        await new Promise((go) => { window.goOn = go; });
        yield { file: new File([entry.file, " "], "c.png"), path: "c.png" };
      })());
    }""")
    expect(row(page, "b.webp")).to_be_visible()
    gate = Gate(page, re.compile(r"/api/sessions/[^/?]+$"))
    calls = Calls(page)
    page.get_by_role("button", name="Delete now").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete now").click()
    gate.wait()
    page.evaluate("goOn()")
    page.wait_for_timeout(500)
    assert not calls.uploads
    gate.open()
    expect(page.get_by_text("Drop photographs or folders anywhere")).to_be_visible()


def test_a_clock_that_is_wrong_asks_once_for_the_link_to_the_zip(
    page: Page, tmp_path: Path
) -> None:
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    page.clock.set_fixed_time(time.time() + 7 * 86400)
    calls = Calls(page)
    with page.expect_download():
        page.get_by_role("link", name="Download ZIP").click()
    assert len(calls.to("?limit=1")) == 1
