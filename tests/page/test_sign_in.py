"""Signing in: by a pasted key, by a link that asks first, and anew when a key stops working."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from shared.db import accounts
from shared.db.accounts import Account
from shared.plans import Plan
from shared.services import Services
from tests.page.conftest import OpenPage
from tests.page.doing import choose, done, drop, write
from tests.support.browser import Faults, screenshot
from tests.support.client import Client
from tests.support.making import make_account

KEPT_IN_TAB = "sessionStorage.getItem('fluximage-key')"
KEPT_IN_BROWSER = "localStorage.getItem('fluximage-key')"
UNKNOWN_KEY = "flx_live_" + 40 * "0"
DROP_ZONE = "Drop photographs or folders anywhere"


@pytest.fixture
def other(service: Services) -> tuple[Account, str]:
    """Another account, on the plan pro, and its key."""
    return make_account(service, Plan.PRO)


def _paste(page: Page, text: str) -> None:
    page.get_by_label("API key").fill(text)
    page.get_by_role("button", name="Sign in").click()


def _asked(page: Page) -> list[str]:
    """The paths of the API that the page asks from now on, with their methods."""
    asked: list[str] = []

    def note(request: Request) -> None:
        path = urlsplit(request.url).path
        if path.startswith("/api/"):
            asked.append(f"{request.method} {path}")

    page.on("request", note)
    return asked


def test_a_pasted_key_signs_this_tab_in(open_page: OpenPage, client: Client) -> None:
    page = open_page()
    expect(page.get_by_text(DROP_ZONE)).to_be_hidden()
    expect(page.get_by_label("API key")).to_be_focused()
    screenshot(page, "sign-in")
    _paste(page, f"  Authorization: Bearer {client.key}\n")
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    expect(page.get_by_label("API key")).to_have_count(0)
    assert page.evaluate(KEPT_IN_TAB) == client.key
    assert page.evaluate(KEPT_IN_BROWSER) is None


def test_a_key_is_kept_in_the_browser_where_the_person_ticks_it(
    open_page: OpenPage, client: Client
) -> None:
    page = open_page()
    page.get_by_label("Keep me signed in on this computer").check()
    _paste(page, client.key)
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    assert page.evaluate(KEPT_IN_BROWSER) == client.key
    later = page.context.new_page()
    later.goto(page.url)
    expect(later.get_by_text(DROP_ZONE)).to_be_visible()


def test_a_wrong_key_is_said_at_the_field(open_page: OpenPage, faults: Faults) -> None:
    faults.allow("status of 401")
    page = open_page()
    field = page.get_by_label("API key")
    for text, reason in {
        "": "Paste your API key",
        "hello": "This is no API key",
        "flx_live_123": "This is no API key",
        UNKNOWN_KEY: "The service does not know this key",
    }.items():
        _paste(page, text)
        expect(page.locator("#key-problem")).to_contain_text(reason)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_be_focused()
    field.fill("f")
    expect(page.locator("#key-problem")).to_be_empty()
    assert page.evaluate(KEPT_IN_TAB) is None


def test_a_linked_key_is_used_after_asking_and_leaves_the_address_at_once(
    open_page: OpenPage, client: Client
) -> None:
    page = open_page(fragment=f"#key={client.key}")
    question = f"Use the key of the account {client.account.name} (agency)?"
    expect(page.get_by_role("heading", name=question)).to_be_visible()
    expect(page.get_by_text("It came with the link that you opened.")).to_be_visible()
    screenshot(page, "sign-in-link")
    assert client.key not in page.url
    assert page.evaluate(KEPT_IN_TAB) is None
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    assert page.evaluate(KEPT_IN_TAB) == client.key


def test_a_refused_link_leaves_nobody_signed_in(open_page: OpenPage, client: Client) -> None:
    page = open_page(fragment=f"#key={client.key}")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate(KEPT_IN_TAB) is None


def test_a_stranger_s_link_asks_nothing_of_its_account_before_the_person_agrees(
    page: Page, client: Client, other: tuple[Account, str]
) -> None:
    account, key = other
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    asked = _asked(page)
    page.goto(f"{client.url}/?again#key={key}&session=theirs")
    expect(page.get_by_role("heading", name=re.compile(account.name))).to_be_visible()
    expect(page.get_by_text(f"You are signed in as {client.account.name} now.")).to_be_visible()
    assert set(asked) == {"GET /api/account", "GET /api/usage"}
    assert page.evaluate(KEPT_IN_TAB) == client.key


def _agree(page: Page) -> None:
    page.get_by_role("button", name="Use it").click()


def _refuse(page: Page) -> None:
    page.get_by_role("button", name="No", exact=True).click()


@pytest.mark.parametrize(("answer", "plan"), [(_agree, "pro"), (_refuse, "agency")])
def test_a_link_replaces_who_is_signed_in_only_by_consent(
    page: Page,
    client: Client,
    other: tuple[Account, str],
    answer: Callable[[Page], None],
    plan: str,
) -> None:
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    page.goto(f"{client.url}/?again#key={other[1]}")
    answer(page)
    expect(page.locator("#account .summary")).to_contain_text(plan)
    assert page.evaluate(KEPT_IN_TAB) == (other[1] if plan == "pro" else client.key)


def test_the_link_of_the_account_that_is_signed_in_asks_nothing(page: Page, client: Client) -> None:
    page.goto(f"{client.url}/?again#key={client.key}")
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    assert client.key not in page.url


@pytest.mark.parametrize("linked", [UNKNOWN_KEY, "<b>x</b>", ""])
def test_a_linked_key_that_does_not_work_is_said_and_dropped(
    page: Page, open_page: OpenPage, client: Client, faults: Faults, linked: str
) -> None:
    faults.allow("status of 401")
    page.goto(f"{client.url}/?again#key={linked}")
    expect(page.get_by_text("The key in the link that you opened does not work")).to_be_visible()
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    assert page.evaluate(KEPT_IN_TAB) == client.key
    nobody = open_page(fragment=f"#key={linked}")
    expect(nobody.get_by_text("The key in the link that you opened does not work")).to_be_visible()
    expect(nobody.get_by_label("API key")).to_be_visible()


def test_a_key_that_was_replaced_is_said_and_a_new_one_goes_on(
    page: Page, client: Client, service: Services, faults: Faults
) -> None:
    faults.allow("status of 401")
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    rolled = accounts.roll_key(service.database, client.key)
    choose(page)
    expect(page.get_by_text("This key no longer works")).to_be_visible()
    assert page.evaluate(KEPT_IN_TAB) is None
    screenshot(page, "sign-in-again")
    _paste(page, rolled)
    expect(page.locator("#rows li")).to_have_count(1)


def test_a_service_out_of_reach_is_said_and_keeps_the_key(
    page: Page, client: Client, faults: Faults
) -> None:
    faults.allow("ERR_FAILED|ERR_CONNECTION")
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    page.context.route("**/api/account", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("heading", name="The service cannot be reached")).to_be_visible()
    assert page.evaluate(KEPT_IN_TAB) == client.key
    page.context.unroute("**/api/account")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()


def test_another_account_sees_nothing_of_the_one_before(
    page: Page,
    client: Client,
    service: Services,
    other: tuple[Account, str],
    faults: Faults,
    tmp_path: Path,
) -> None:
    faults.allow("status of 401")
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    # The page asks for the usage then; with a replaced key it would sign out before the click.
    expect(page.locator("#account .summary")).to_contain_text("1 image")
    accounts.roll_key(service.database, client.key)
    page.get_by_role("button", name="Account").click()  # asks for the usage
    _paste(page, other[1])
    expect(page.get_by_text(DROP_ZONE)).to_be_visible()
    expect(page.locator("#rows li")).to_have_count(0)
    assert "session" not in page.url


def test_a_browser_that_may_keep_nothing_signs_in_for_as_long_as_the_page_is_open(
    open_page: OpenPage, client: Client, tmp_path: Path
) -> None:
    page = open_page()
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { get() { throw new Error("forbidden"); } });
    }"""
    )
    page.reload()
    page.get_by_label("API key").fill(client.key)
    page.keyboard.press("Enter")
    write(tmp_path, ["a.png"])
    drop(page, tmp_path / "a.png")
    expect(page.get_by_text("a.webp")).to_be_visible()
