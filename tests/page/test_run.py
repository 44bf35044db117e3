"""A whole run, as a person makes it: pictures in, smaller pictures out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from infra.dev.messages_api import Answer, MessagesApi
from shared.plans import Plan
from shared.services import Services
from tests.page.conftest import OpenPage
from tests.page.doing import Calls, done, drop, row, rows, session_of, write
from tests.support.browser import Faults
from tests.support.client import Client, get
from tests.support.making import make_account, png, saying
from tests.support.paths import SAMPLES

ROCKET = SAMPLES / "rocket.jpg"


def test_a_photograph_comes_back_smaller_and_is_saved_by_a_click(page: Page) -> None:
    drop(page, ROCKET)
    done(page, 1)
    its_row = row(page, "rocket.webp")
    expect(its_row).to_contain_text("rocket.jpg")
    expect(its_row).to_contain_text(re.compile(r"113 kB → \d+ kB.*−\d\d %"))
    expect(page.locator("#progress")).to_contain_text(re.compile(r"1 image.*\d\d % saved"))
    with page.expect_download() as saving:
        its_row.get_by_role("link", name="Save").click()
    assert saving.value.suggested_filename == "rocket.webp"
    with Image.open(saving.value.path()) as saved:
        assert saved.format == "WEBP"


def test_the_sample_needs_one_click(page: Page) -> None:
    page.get_by_role("button", name="try a sample").click()
    done(page, 1)
    expect(row(page, "dandelion.webp")).to_contain_text("−")


def test_a_dropped_folder_keeps_its_tree_and_leaves_out_what_systems_put_there(
    page: Page, client: Client, tmp_path: Path
) -> None:
    write(tmp_path, ["shoes/red/a.png", "shoes/b.png", "shoes/.hidden.png"])
    write(tmp_path, ["shoes/.DS_Store", "shoes/Thumbs.db"], b"not an image")
    drop(page, tmp_path / "shoes")
    done(page, 2)
    expect(rows(page)).to_have_count(2)
    data = client.call("GET", f"/api/sessions/{session_of(page)}").json()["data"]
    places = {(image["path"], image["original_name"]) for image in data}
    assert places == {("shoes/red", "a.png"), ("shoes", "b.png")}


def test_a_chosen_folder_keeps_its_tree(page: Page, client: Client, tmp_path: Path) -> None:
    write(tmp_path, ["shoes/red/a.png", "shoes/b.png"])
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Choose a folder").click()
    choosing.value.set_files(tmp_path / "shoes")
    done(page, 2)
    data = client.call("GET", f"/api/sessions/{session_of(page)}").json()["data"]
    assert {image["path"] for image in data} == {"shoes/red", "shoes"}


def test_45_images_are_one_session_of_several_requests(
    page: Page, client: Client, tmp_path: Path
) -> None:
    page.evaluate("""
      window.titles = [];
      new MutationObserver(() => titles.push(document.title)).observe(
        document.querySelector("title"), { childList: true });
    """)
    calls = Calls(page)
    write(tmp_path, [f"many/{number}.png" for number in range(45)])
    drop(page, tmp_path / "many")
    done(page, 45)
    expect(rows(page)).to_have_count(45)
    assert len(calls.uploads) >= 3
    progress = client.call("GET", f"/api/sessions/{session_of(page)}").json()["progress"]
    assert (progress["total"], progress["completed"]) == (45, 45)
    assert any(re.fullmatch(r"\d+/45 · fluximage", title) for title in page.evaluate("titles"))
    # One stream tells of all images, whose rows ask for nothing.
    assert len(calls.to(f"/api/sessions/{session_of(page)}")) <= 6


def test_what_cannot_be_sent_is_named_before_the_rest_goes_on(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("bread and milk")
    (tmp_path / "empty.png").touch()
    with (tmp_path / "huge.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(20 * 1024 * 1024 + 1)
    write(tmp_path, ["good.png"])
    calls = Calls(page)
    drop(page, *(tmp_path / name for name in ["notes.jpg", "empty.png", "huge.png", "good.png"]))
    done(page, 1)
    expect(row(page, "notes.jpg")).to_contain_text("not an image")
    expect(row(page, "empty.png")).to_contain_text("empty")
    expect(row(page, "huge.png")).to_contain_text("20 MB")
    expect(row(page, "good.webp")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("3 not sent")
    assert len(calls.uploads) == 1
    row(page, "notes.jpg").get_by_role("button", name="Remove").click()
    expect(row(page, "notes.jpg")).to_have_count(0)


@pytest.fixture
def nearly_used_up(client: Client, service: Services) -> str:
    """The key of a free account that has three images left."""
    account, key = make_account(service, Plan.FREE)
    files = [(f"{number}.png", png(8 + number)) for number in range(17)]
    assert Client(client.url, key, account).compress(files).status_code == 200
    return key


def test_what_the_plan_does_not_cover_waits_for_start(
    open_page: OpenPage, nearly_used_up: str, tmp_path: Path
) -> None:
    page = open_page(nearly_used_up)
    expect(page.get_by_text("free · 17 images this month")).to_be_visible()
    calls = Calls(page)
    drop(page, *write(tmp_path, [f"{number}.png" for number in range(5)]))
    expect(
        page.get_by_text("This takes 5 images of your plan, and 3 are left until")
    ).to_be_visible()
    expect(page.get_by_role("button", name="Start over")).to_be_hidden()
    assert not calls.uploads
    page.get_by_role("button", name="Start with the first 3").click()
    done(page, 3)
    page.get_by_role("button", name="Leave them out").click()
    expect(page.get_by_role("button", name="Leave them out")).to_have_count(0)
    expect(rows(page)).to_have_count(3)


def test_a_button_is_not_replaced_between_its_press_and_its_release(
    open_page: OpenPage, nearly_used_up: str, tmp_path: Path
) -> None:
    page = open_page(nearly_used_up)
    drop(page, *write(tmp_path, [f"{number}.png" for number in range(5)]))
    page.get_by_role("button", name="Leave them out").hover()
    page.mouse.down()
    page.evaluate(
        """async () => {
          (await import("/page/store.js")).changed("run");
          await new Promise((done) => setTimeout(done, 100));
        }"""
    )
    page.mouse.up()
    expect(page.get_by_role("button", name="Leave them out")).to_have_count(0)


def test_an_image_that_cannot_get_smaller_says_so(
    page: Page, client: Client, tmp_path: Path
) -> None:
    answer = client.compress([("small.png", ROCKET.read_bytes())], {"quality": "40"}).json()
    small = get(answer["data"][0]["url"]).content
    drop(page, *write(tmp_path, ["small.webp"], small))
    done(page, 1)
    expect(row(page, "small.webp")).to_contain_text("already as small as it gets")


def test_an_image_that_got_larger_says_by_how_much(page: Page) -> None:
    page.get_by_role("button", name="Format").click()
    page.get_by_role("radio", name="PNG").check()
    page.keyboard.press("Escape")
    drop(page, ROCKET)
    done(page, 1)
    expect(row(page, "rocket.png")).to_contain_text(re.compile(r"\+\d+ %"))
    expect(page.locator("#progress")).to_contain_text(re.compile(r"\d+ % larger"))


def test_an_upload_whose_answer_is_lost_is_sent_again_and_made_once(
    page: Page, client: Client, faults: Faults, tmp_path: Path
) -> None:
    faults.allow("ERR_CONNECTION_RESET")
    keys: list[str] = []
    debugger = page.context.new_cdp_session(page)

    def lose_the_first(answer: dict[str, Any]) -> None:
        keys.append(answer["request"]["headers"]["Idempotency-Key"])
        which = {"requestId": answer["requestId"]}
        if len(keys) == 1:
            debugger.send("Fetch.failRequest", which | {"errorReason": "ConnectionReset"})
        else:
            debugger.send("Fetch.continueRequest", which)

    debugger.on("Fetch.requestPaused", lose_the_first)
    answers = {"urlPattern": "*/api/compress", "requestStage": "Response"}
    debugger.send("Fetch.enable", {"patterns": [answers]})
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    progress = client.call("GET", f"/api/sessions/{session_of(page)}").json()["progress"]
    assert progress["total"] == 1


def test_a_damaged_image_says_why_and_can_be_tried_again(page: Page, tmp_path: Path) -> None:
    data = ROCKET.read_bytes()
    (damaged,) = write(tmp_path, ["cut.jpg"], data[:300])
    drop(page, damaged)
    its_row = row(page, "cut.jpg")
    expect(its_row).to_contain_text("cut.jpg")
    expect(its_row.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("#progress")).to_contain_text("1 failed")


@pytest.fixture
def forgetful(model: MessagesApi) -> Iterator[MessagesApi]:
    """A model that answers nothing of use at first, and a text from then on."""
    model.otherwise = lambda _: Answer("no text")
    yield model
    model.otherwise = lambda _: Answer()


def test_a_missing_alt_text_is_made_again_copied_and_edited(
    open_page: OpenPage, client: Client, forgetful: MessagesApi, tmp_path: Path
) -> None:
    clipboard = ["clipboard-read", "clipboard-write"]
    page = open_page(client.key, permissions=clipboard)
    page.get_by_role("button", name="Alt text").click()
    page.get_by_role("radio", name="alt text").first.check()
    page.keyboard.press("Escape")
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    its_row = row(page, "a.webp")
    expect(its_row).to_contain_text("No alt text could be made")
    forgetful.otherwise = lambda _: saying("A red field", "red-field")
    its_row.get_by_role("button", name="Try again").click()
    expect(its_row).to_contain_text("A red field")
    its_row.get_by_role("button", name="Copy text").click()
    assert page.evaluate("navigator.clipboard.readText()") == "A red field"
    its_row.get_by_role("button", name="Edit text").click()
    page.get_by_role("textbox", name="Alt text").fill("A red flag")
    page.get_by_role("button", name="Keep").press("Enter")
    expect(its_row.get_by_role("button", name="Edit text")).to_be_focused()
    page.reload()
    expect(row(page, "a.webp")).to_contain_text("A red flag")


def test_an_alt_text_that_cannot_be_copied_is_not_said_to_be(
    page: Page, model: MessagesApi, tmp_path: Path
) -> None:
    model.otherwise = lambda _: saying("A red field", "red-field")
    page.get_by_role("button", name="Alt text").click()
    page.get_by_role("radio", name="alt text").first.check()
    page.keyboard.press("Escape")
    drop(page, *write(tmp_path, ["a.png"]))
    done(page, 1)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate("document.execCommand = () => false")
    page.get_by_role("button", name="Copy text").click()
    expect(page.locator("#said")).to_have_text("This browser does not let the page copy")


def test_stop_keeps_what_is_done_and_offers_the_rest(page: Page, tmp_path: Path) -> None:
    write(tmp_path, [f"many/{number:02}.png" for number in range(30)])
    held: list[Route] = []

    def hold_all_but_the_first(route: Route) -> None:
        held.append(route)
        if len(held) == 1:
            route.continue_()

    page.route("**/api/compress", hold_all_but_the_first)
    drop(page, tmp_path / "many")
    expect(rows(page).first).to_contain_text("webp")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("29 stopped")).to_be_visible()
    expect(page.locator("#progress")).not_to_contain_text("failed")
    expect(rows(page).first).to_contain_text("webp")
    page.unroute("**/api/compress")
    page.get_by_role("button", name="Compress the rest").click()
    expect(rows(page)).to_have_count(30)
    for number in range(30):
        expect(row(page, f"{number:02}.png")).to_have_count(1)


def test_what_failed_is_found_among_many_rows(page: Page, tmp_path: Path) -> None:
    write(tmp_path, [f"many/{number:02}.png" for number in range(30)])
    write(tmp_path, ["many/broken.jpg"], ROCKET.read_bytes()[:300])
    drop(page, tmp_path / "many")
    expect(page).to_have_title(re.compile("^Done"))
    page.get_by_role("button", name="1 failed").click()
    expect(row(page, "broken.jpg")).to_be_focused()
    expect(row(page, "broken.jpg")).to_be_in_viewport()
