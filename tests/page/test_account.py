"""The account: its plan and usage, its key, the theme, and signing out."""

import re

from playwright.sync_api import Locator, Page, expect

from shared.db import accounts
from shared.plans import Plan
from shared.services import Services
from tests.page.conftest import OpenPage
from tests.page.doing import choose
from tests.support.browser import Faults, screenshot
from tests.support.client import Client
from tests.support.making import make_account, png
from tests.support.processes import eventually

KEPT_IN_TAB = "sessionStorage.getItem('fluximage-key')"
THEME = "document.documentElement.dataset.theme ?? 'system'"
PAPER = "getComputedStyle(document.documentElement).backgroundColor"


def _menu(page: Page) -> Locator:
    page.get_by_role("button", name="Account").click()
    return page.locator(".account-menu")


def test_the_header_says_the_plan_and_what_was_used(page: Page, client: Client) -> None:
    expect(page.locator("#account .summary")).to_have_text("agency · 0 images this month")
    assert client.compress([("a.png", png())]).status_code == 200
    page.reload()
    expect(page.locator("#account .summary")).to_have_text("agency · 1 image this month")


def test_the_usage_is_right_again_once_a_run_has_ended(page: Page) -> None:
    choose(page)
    expect(page.locator("#account .summary")).to_have_text("agency · 1 image this month")


def test_the_menu_has_a_bar_for_what_has_a_limit(
    open_page: OpenPage, service: Services, client: Client
) -> None:
    account, key = make_account(service, Plan.STARTER)
    accounts.add_topup(service.database, account.name, 7)
    starter, stored = Client(client.url, key, account), 0
    for name, body in {"a.png": png(), "b.png": png()}.items():
        (image,) = starter.compress([(name, body)]).json()["data"]
        stored += image["compressed_size"]
    assert eventually(  # its originals are deleted a moment later
        lambda: starter.call("GET", "/api/account").json()["stored_bytes"] == stored
    )
    menu = _menu(open_page(key))
    expect(menu.get_by_role("heading", name=account.name)).to_be_visible()
    images = menu.get_by_role("progressbar", name="Images")
    expect(images).to_have_js_property("value", 2)
    expect(images).to_have_js_property("max", 200)
    expect(menu).to_contain_text("2 of 200")
    expect(menu.get_by_role("progressbar", name="AI credits")).to_have_js_property("max", 200)
    expect(menu).to_contain_text("7 top-up credits")
    expect(menu.get_by_role("progressbar", name="Stored")).to_have_js_property("value", stored)
    expect(menu).to_contain_text(f"{stored} B of 20 GB")
    ends = client.call("GET", "/api/account").json()["period_ends_at"]
    day = int(ends[8:10])
    expect(menu).to_contain_text(re.compile(rf"Renews on {day} [A-Z][a-z]+"))


def test_an_unlimited_plan_has_no_bar_of_images(page: Page) -> None:
    menu = _menu(page)
    expect(menu).to_contain_text("0, without a limit")
    expect(menu.get_by_role("progressbar", name="Images")).to_have_count(0)
    screenshot(page, "account")


def test_rolling_the_key_asks_first(page: Page, client: Client) -> None:
    menu = _menu(page)
    menu.get_by_role("button", name="Roll the key").click()
    expect(menu.get_by_role("button", name="Cancel")).to_be_focused()
    menu.get_by_role("button", name="Cancel").click()
    expect(menu.get_by_role("button", name="Roll the key")).to_be_focused()
    assert client.call("GET", "/api/usage").status_code == 200


def test_a_rolled_key_is_shown_once_copied_and_used_from_now_on(page: Page, client: Client) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    menu = _menu(page)
    menu.get_by_role("button", name="Roll the key").click()
    menu.get_by_role("button", name="Roll the key").click()
    shown = menu.get_by_label("New key").input_value()
    screenshot(page, "account-rolled")
    menu.get_by_role("button", name="Copy").click()
    expect(menu.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    assert client.call("GET", "/api/usage").status_code == 401
    assert page.evaluate(KEPT_IN_TAB) == shown
    page.keyboard.press("Escape")
    expect(_menu(page).get_by_label("New key")).to_have_count(0)
    choose(page)
    expect(page.locator("#rows li")).to_have_count(1)


def test_a_key_that_is_kept_in_the_browser_is_kept_there_when_it_is_rolled(
    open_page: OpenPage, client: Client
) -> None:
    page = open_page()
    page.get_by_label("Keep me signed in").check()
    page.get_by_label("API key").fill(client.key)
    page.get_by_role("button", name="Sign in").click()
    menu = _menu(page)
    menu.get_by_role("button", name="Roll the key").click()
    menu.get_by_role("button", name="Roll the key").click()
    shown = menu.get_by_label("New key").input_value()
    assert page.evaluate("localStorage.getItem('fluximage-key')") == shown
    assert page.evaluate(KEPT_IN_TAB) is None


def test_a_key_that_cannot_be_rolled_now_is_said_and_stays(
    page: Page, client: Client, faults: Faults
) -> None:
    faults.allow("ERR_FAILED")
    page.context.route("**/api/keys/roll", lambda route: route.abort())
    menu = _menu(page)
    menu.get_by_role("button", name="Roll the key").click()
    menu.get_by_role("button", name="Roll the key").click()
    expect(menu.get_by_text("The service cannot be reached")).to_be_visible()
    assert page.evaluate(KEPT_IN_TAB) == client.key


def test_a_request_that_left_with_the_old_key_does_not_cost_the_new_one(
    page: Page, client: Client, faults: Faults
) -> None:
    faults.allow("status of 401")
    expect(page.locator("#account .summary")).to_be_visible()
    rolled = client.call("POST", "/api/keys/roll").json()["api_key"]
    page.evaluate(
        """async (rolled) => {
          const { call } = await import("/page/net/api.js");
          const { useKey } = await import("/page/net/key.js");
          const asked = call("GET", "/api/usage").catch(() => null); // with the old key
          useKey(rolled);
          await asked;
        }""",
        rolled,
    )
    expect(page.locator("#account .summary")).to_be_visible()
    expect(page.get_by_label("API key")).to_have_count(0)
    assert page.evaluate(KEPT_IN_TAB) == rolled


def test_the_theme_goes_round_and_is_remembered(open_page: OpenPage, client: Client) -> None:
    page = open_page(client.key, scheme="dark")
    switch = page.get_by_role("button", name="Theme")
    dark = page.evaluate(PAPER)
    assert page.evaluate(THEME) == "system"
    switch.click()
    expect(switch).to_have_accessible_name("Theme: light")
    assert page.evaluate(PAPER) == "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(THEME) == "light"
    switch.click()
    assert (page.evaluate(THEME), page.evaluate(PAPER)) == ("dark", dark)
    switch.click()
    assert page.evaluate(THEME) == "system"
    assert page.evaluate("localStorage.getItem('fluximage-theme')") is None


def test_signing_out_forgets_the_key_and_all_that_was_shown(page: Page) -> None:
    choose(page)
    expect(page.locator("#rows li")).to_have_count(1)
    expect(page.locator("#account .summary")).to_contain_text("1 image")
    _menu(page).get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.locator("#rows li")).to_have_count(0)
    assert page.evaluate(KEPT_IN_TAB) is None
    assert "session" not in page.url


def test_the_menu_fits_a_phone(open_page: OpenPage, client: Client) -> None:
    page = open_page(client.key, width=360, height=740)
    menu = _menu(page)
    menu.get_by_role("button", name="Roll the key").click()
    box = menu.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert page.evaluate("document.documentElement.scrollWidth") == 360
