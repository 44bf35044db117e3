"""Whoever uses the keyboard alone keeps their place."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.page.doing import done, drop, row, rows, write
from tests.support.paths import SAMPLES


def test_removing_a_row_leads_to_the_next_one(page: Page, tmp_path: Path) -> None:
    drop(page, *write(tmp_path, ["a.jpg", "b.jpg"], b"no image"))
    expect(rows(page)).to_have_count(2)
    row(page, "a.jpg").get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(row(page, "b.jpg")).to_be_focused()
    page.keyboard.press("Tab")
    expect(row(page, "b.jpg").get_by_role("button")).to_be_focused()


def test_starting_over_leads_to_the_first_button(page: Page) -> None:
    drop(page, SAMPLES / "rocket.jpg")
    done(page, 1)
    page.get_by_role("button", name="Start over").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()


def test_no_button_is_under_the_key_that_stopped(page: Page) -> None:
    page.route("**/api/compress", lambda _: None)
    drop(page, SAMPLES / "rocket.jpg")
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_be_focused()
    expect(page.get_by_role("button", name="Compress the rest")).to_be_visible()


def test_escape_leads_from_the_menu_of_the_account_back_to_its_button(page: Page) -> None:
    page.get_by_role("button", name="Account").press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Roll the key")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Account")).to_be_focused()
