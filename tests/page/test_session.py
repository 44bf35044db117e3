"""Sessions: their address opens them again, and a reload goes on."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from psycopg.types.json import Jsonb

from infra.benchmarks.many_images import make_session
from shared.services import Services
from tests.page.conftest import OpenPage
from tests.page.doing import Calls, done, drop, row, rows, session_of, write
from tests.support.client import Client
from tests.support.making import png
from tests.support.paths import SAMPLES
from tests.support.processes import eventually


def test_the_address_opens_the_session_again(
    page: Page, open_page: OpenPage, client: Client, tmp_path: Path
) -> None:
    drop(page, *write(tmp_path, ["a.png", "b.png"]))
    done(page, 2)
    again = open_page(client.key, fragment=f"#session={session_of(page)}")
    done(again, 2)
    expect(rows(again)).to_have_count(2)
    expect(row(again, "a.webp")).to_contain_text("a.png")
    drop(again, *write(tmp_path, ["c.png"]))
    done(again, 3)
    assert session_of(again) == session_of(page)


def test_a_row_says_that_its_image_was_encoded_faster(
    open_page: OpenPage, client: Client, service: Services
) -> None:
    client.compress([("a.png", png())], {"sessionId": "s"})
    warning = [{"code": "faster_encoding", "message": "It was encoded faster than was asked for"}]
    with service.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET warnings = %s WHERE session_id IN"
            " (SELECT id FROM sessions WHERE account_id = %s)",
            (Jsonb(warning), client.account.id),
        )
    page = open_page(client.key, fragment="#session=s")
    expect(row(page, "a.webp")).to_contain_text(warning[0]["message"])


def test_a_reload_goes_on_with_what_is_in_work(open_page: OpenPage, client: Client) -> None:
    photograph = (SAMPLES / "rocket.jpg").read_bytes()
    files = [(f"{number}.jpg", photograph + bytes(number)) for number in range(6)]
    fields = {"sessionId": "s", "format": "avif"}
    assert client.compress(files, fields, {"Prefer": "respond-async"}).status_code == 202
    page = open_page(client.key, fragment="#session=s")
    expect(rows(page).first).to_be_visible()
    page.reload()
    done(page, 6)
    expect(rows(page)).to_have_count(6)


def test_another_session_in_the_address_is_shown_in_place_of_this_one(
    page: Page, client: Client, tmp_path: Path
) -> None:
    client.compress([("other.png", png())], {"sessionId": "other"})
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    page.evaluate("location.hash = '#session=other'")
    expect(row(page, "other.webp")).to_be_visible()
    expect(row(page, "a.webp")).to_have_count(0)


@pytest.mark.full
def test_a_session_of_2000_images_stays_quick_and_quiet(
    open_page: OpenPage, client: Client, service: Services
) -> None:
    contents = [png(40 + number, 30) for number in range(4)]
    size = max(map(len, contents))
    contents = [content.ljust(size, b"\0") for content in contents]
    make_session(service, client.account.id, "many", 2000, contents)
    page = open_page(client.key)
    calls = Calls(page)
    measured = page.context.new_cdp_session(page)
    measured.send("Performance.enable")
    page.evaluate("location.hash = '#session=many'")
    # Playwright's own looking for elements lays out all rows, so it waits by the title alone.
    assert eventually(lambda: page.title().startswith("Done: 2,000"), seconds=120)
    metrics = measured.send("Performance.getMetrics")["metrics"]
    seconds = {one["name"]: one["value"] for one in metrics}
    # Were all rows laid out again for each, it would take 3 times as long as the scripts.
    assert seconds["LayoutDuration"] < seconds["ScriptDuration"]
    expect(rows(page)).to_have_count(2000)
    drawn = page.locator("#rows img").count()
    assert 0 < drawn < 60
    assert len(calls.to("/api/sessions/")) <= 4
    before = len(calls.made)
    page.mouse.move(600, 600)
    page.mouse.wheel(0, 60_000)
    last = rows(page).last
    last.scroll_into_view_if_needed()
    expect(last.locator("img")).to_have_count(1)
    assert page.locator("#rows img").count() < 400
    page.wait_for_timeout(3000)
    assert all("/api/" not in request.url for request in calls.made[before:])
