"""The comparison of an original with its result, as people use it."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.page.comparing import compare, encoded, give, loaded, noise, open_session
from tests.page.conftest import OpenPage
from tests.page.doing import drop_at
from tests.support.browser import Faults, screenshot
from tests.support.client import Client

WEBP = {"format": "webp", "quality": "60"}
PHOTO = encoded(noise(40, 30).resize((1600, 1200), Image.Resampling.BICUBIC), "JPEG", quality=95)
OTHER = encoded(noise(30, 40).resize((1500, 1800), Image.Resampling.BICUBIC), "JPEG", quality=95)
SMALLER = {**WEBP, "maxWidth": "1200"}


@pytest.fixture
def photo(open_page: OpenPage, client: Client) -> Page:
    """The comparison of a photograph with its smaller result, in a window of 1280 × 800."""
    page = open_session(open_page, client, {"photo.jpg": PHOTO}, SMALLER)
    compare(page, "photo.webp")
    give(page, {"photo.jpg": PHOTO})
    return page


def divider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Divider between before and after")


def zoom(page: Page) -> str:
    return page.locator(".zoom output").inner_text()


def place(page: Page) -> tuple[float, float]:
    """Where the picture begins in the window, once what was done is drawn."""
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    box = page.locator(".layer img").last.bounding_box()
    assert box is not None
    return box["x"], box["y"]


def test_what_both_are_stands_in_the_corners(photo: Page) -> None:
    corners = photo.locator(".comparison footer")
    expect(corners.locator(".before")).to_have_text(
        re.compile(r"photo\.jpgJPEG\s· \d+\skB\s· 1600\s×\s1200")
    )
    expect(corners.locator(".after")).to_have_text(
        re.compile(r"photo\.webpWebP\s· [\d.]+\skB\s· 1200\s×\s900\s· −\d+\s%")
    )


def test_the_divider_is_a_slider_for_arrow_keys(photo: Page) -> None:
    expect(divider(photo)).to_be_focused()
    for key, said in [("ArrowRight", 52), ("ArrowLeft", 50), ("Home", 0), ("End", 100)]:
        photo.keyboard.press(key)
        expect(divider(photo)).to_have_attribute("aria-valuetext", f"{said} percent before")
        expect(divider(photo)).to_have_attribute("aria-valuenow", str(said))


def test_a_mouse_drags_the_divider_and_does_not_make_it_jump(photo: Page) -> None:
    photo.mouse.move(648, 300)  # beside its line, at 640
    photo.mouse.down()
    photo.mouse.move(748, 300, steps=4)
    photo.mouse.up()
    box = divider(photo).bounding_box()
    assert box is not None
    assert box["x"] + box["width"] / 2 == pytest.approx(740, abs=1)


@pytest.mark.parametrize(
    ("key", "button", "said"),
    [("0", "Fit", None), ("1", "100 %", "100 %"), ("2", "200 %", "200 %")],
)
def test_zooms_have_keys_and_buttons(photo: Page, key: str, button: str, said: str | None) -> None:
    whole = zoom(photo)
    photo.keyboard.press("+")
    photo.keyboard.press(key)
    pressed = photo.get_by_role("button", name=button, exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")
    assert zoom(photo) == (said or whole)
    photo.keyboard.press("-")
    photo.keyboard.press("-")
    pressed.click()
    assert zoom(photo) == (said or whole)


def test_the_wheel_zooms_at_the_pointer(photo: Page) -> None:
    photo.keyboard.press("1")
    left, top = place(photo)
    photo.mouse.move(400, 300)
    photo.mouse.wheel(0, -300)
    assert zoom(photo) == "200 %"
    assert place(photo) == pytest.approx((400 - 2 * (400 - left), 300 - 2 * (300 - top)), abs=1)


def test_a_double_click_toggles_between_the_whole_and_the_pixels(photo: Page) -> None:
    whole = zoom(photo)
    photo.mouse.dblclick(400, 300)
    assert zoom(photo) == "100 %"
    photo.mouse.dblclick(400, 300)
    assert zoom(photo) == whole


def test_a_drag_and_shift_with_arrows_move_the_picture_as_far_as_it_goes(photo: Page) -> None:
    photo.keyboard.press("2")
    left, top = place(photo)
    photo.mouse.move(400, 300)
    photo.mouse.down()
    photo.mouse.move(437, 281, steps=3)
    photo.mouse.up()
    assert place(photo) == pytest.approx((left + 37, top - 19), abs=0.01)
    photo.keyboard.press("Shift+ArrowRight")
    photo.keyboard.press("Shift+ArrowUp")
    assert place(photo) == pytest.approx((left + 37 - 64, top - 19 + 64), abs=0.01)
    for _ in range(60):
        photo.keyboard.press("Shift+ArrowLeft")
    assert place(photo)[0] == 0
    photo.keyboard.press("Shift+ArrowRight")
    assert place(photo)[0] == -64  # the way back begins at once
    before, after = (photo.locator(".layer img").nth(at).bounding_box() for at in (0, 1))
    assert before == after


def test_two_fingers_zoom_and_one_moves(open_page: OpenPage, client: Client) -> None:
    page = open_session(
        open_page, client, {"a.jpg": PHOTO}, WEBP, width=360, height=640, has_touch=True
    )
    compare(page, "a.webp")
    give(page, {"a.jpg": PHOTO})
    page.keyboard.press("1")
    devtools = page.context.new_cdp_session(page)
    touch(devtools, "touchStart", (80, 300), (180, 300))
    touch(devtools, "touchMove", (80, 300), (280, 300))
    touch(devtools, "touchEnd")
    expect(page.get_by_role("button", name="200 %")).to_have_attribute("aria-pressed", "true")
    left, top = place(page)
    touch(devtools, "touchStart", (100, 300))
    touch(devtools, "touchMove", (150, 320))
    touch(devtools, "touchMove", (170, 335))
    touch(devtools, "touchEnd")
    assert place(page) == (left + 70, top + 35)


def touch(devtools: CDPSession, kind: str, *places: tuple[int, int]) -> None:
    points = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(places)]
    devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_space_that_is_held_shows_the_before_alone(photo: Page) -> None:
    after = photo.locator(".layer").last
    expect(after).to_have_css("clip-path", "inset(0px 0px 0px 640px)")
    photo.keyboard.down(" ")
    expect(divider(photo)).to_be_hidden()
    box = photo.locator(".layer img").last.bounding_box()
    assert box is not None
    right = round(box["x"] + box["width"])
    expect(after).to_have_css("clip-path", f"inset(0px 0px 0px {right}px)")
    photo.keyboard.up(" ")
    expect(divider(photo)).to_be_visible()
    expect(after).to_have_css("clip-path", "inset(0px 0px 0px 640px)")


def test_the_next_image_has_the_same_zoom_and_place(open_page: OpenPage, client: Client) -> None:
    files = {"a.jpg": PHOTO, "b.jpg": OTHER, "c.png": encoded(noise(800, 600))}
    page = open_session(open_page, client, files, WEBP)
    first = page.locator("#rows li .name").first.inner_text()
    dialog = compare(page, first)
    give(page, files)
    expect(dialog.locator(".place")).to_have_text(f"1 of 3 · {first}")
    page.keyboard.press("2")
    page.keyboard.press("Shift+ArrowRight")
    shares = share_of_middle(page)
    for key, at in [("n", 2), ("PageDown", 3), ("p", 2), ("PageUp", 1)]:
        page.keyboard.press(key)
        loaded(page)
        expect(dialog.locator(".place")).to_contain_text(f"{at} of 3")
        assert zoom(page) == "200 %"
        assert share_of_middle(page) == pytest.approx(shares, abs=0.001)
    expect(dialog.get_by_role("button", name="Previous")).to_be_disabled()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.locator(".place")).to_contain_text("2 of 3")


def share_of_middle(page: Page) -> tuple[float, float]:
    """The place in the picture, from 0 to 1, that is in the middle of the stage."""
    stage = page.locator(".comparison .stage").bounding_box()
    image = page.locator(".layer img").last.bounding_box()
    assert stage is not None
    assert image is not None
    return (
        (stage["x"] + stage["width"] / 2 - image["x"]) / image["width"],
        (stage["y"] + stage["height"] / 2 - image["y"]) / image["height"],
    )


def test_escape_gives_the_focus_back_and_the_memory_free(photo: Page, faults: Faults) -> None:
    faults.allow("ERR_FILE_NOT_FOUND")
    url = photo.locator(".layer img").first.get_attribute("src")
    photo.keyboard.press("Escape")
    expect(photo.get_by_role("dialog")).to_have_count(0)
    expect(photo.get_by_role("button", name="Compare: photo.webp")).to_be_focused()
    # Of an image, for what is fetched the CSP would have to let in.
    loads = """(url) => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve(true);
      image.onerror = () => resolve(false);
      image.src = url;
    })"""
    assert url is not None
    assert url.startswith("blob:")
    assert photo.evaluate(loads, url) is False


def test_an_original_must_have_the_name_and_the_size(open_page: OpenPage, client: Client) -> None:
    page = open_session(open_page, client, {"photo.jpg": PHOTO}, WEBP)
    dialog = compare(page, "photo.webp")
    asked = dialog.locator(".wanted")
    expect(asked).to_contain_text("The service has deleted the original")
    give(page, {"photo.jpg": OTHER})
    expect(asked).to_contain_text(f"The original had {len(PHOTO):,}")
    give(page, {"other.jpg": PHOTO})
    expect(asked).to_contain_text(f"The original of this one is photo.jpg, of {len(PHOTO):,} bytes")
    give(page, {"photo.jpg": PHOTO})
    expect(asked).to_be_hidden()
    expect(divider(page)).to_be_visible()


def test_a_folder_that_is_dropped_has_the_originals_of_all_rows(
    open_page: OpenPage, client: Client, tmp_path: Path
) -> None:
    red, blue = (
        encoded(Image.new("RGB", (60, 40), colour), compress_level=0) for colour in ("red", "blue")
    )
    assert len(red) == len(blue)
    page = open_session(open_page, client, {"x/1.png": red, "y/1.png": blue}, WEBP)
    for folder, content in (("x", red), ("y", blue)):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        (tmp_path / "photos" / folder / "1.png").write_bytes(content)
    compare(page, "x/1.png")
    drop_at(page, tmp_path / "photos", at=(200, 400))
    expect(divider(page)).to_be_visible()
    assert colour_of_original(page) == [255, 0, 0]
    is_last = page.get_by_role("button", name="Next image").is_disabled()  # in the order of ending
    page.keyboard.press("p" if is_last else "n")
    loaded(page)
    assert colour_of_original(page) == [0, 0, 255]
    assert page.locator("#rows li").count() == 2  # it was not sent


def colour_of_original(page: Page) -> list[int]:
    found: list[int] = page.locator(".layer img").first.evaluate(
        """(image) => {
          const context = new OffscreenCanvas(1, 1).getContext("2d");
          context.drawImage(image, 0, 0);
          return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )
    return found


def test_of_an_original_that_the_browser_cannot_show_the_result_alone_is_seen(
    open_page: OpenPage, client: Client
) -> None:
    file = encoded(noise(100, 80), "TIFF")
    page = open_session(open_page, client, {"a.tiff": file}, WEBP)
    dialog = compare(page, "a.webp")
    give(page, {"a.tiff": file})
    expect(dialog).to_contain_text("This browser cannot show TIFF pictures")
    expect(divider(page)).to_be_hidden()
    expect(dialog.locator(".layer img")).to_have_count(1)
    expect(dialog.locator(".before")).to_contain_text("TIFF")


END_LINK = """
async () => {
  const { state } = await import("/page/store.js");
  const [row] = state.rows.values();
  row.image = { ...row.image, url: "/ended", expires_at: "2020-01-01T00:00:00Z" };
}
"""


def test_an_old_link_is_made_anew(open_page: OpenPage, client: Client) -> None:
    page = open_session(open_page, client, {"photo.jpg": PHOTO}, WEBP)
    page.evaluate(END_LINK)
    dialog = compare(page, "photo.webp")
    expect(dialog.locator(".layer img")).to_have_attribute("src", re.compile("X-Amz-Signature"))


def test_a_result_that_was_deleted_is_named(
    open_page: OpenPage, client: Client, faults: Faults
) -> None:
    page = open_session(open_page, client, {"photo.jpg": PHOTO}, WEBP)
    faults.allow("status of 404")
    session = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('session')")
    client.call("DELETE", f"/api/sessions/{session}")
    page.evaluate(END_LINK)
    dialog = compare(page, "photo.webp")
    expect(dialog).to_contain_text("The result does not load")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_it_fits_the_window(open_page: OpenPage, client: Client, width: int, scheme: str) -> None:
    files = {"صورة بالعربية.jpg": PHOTO}
    page = open_session(open_page, client, files, WEBP, width=width, scheme=scheme)
    dialog = compare(page, "صورة")
    screenshot(page, f"compare-asks-{width}-{scheme}")
    give(page, files)
    screenshot(page, f"compare-{width}-{scheme}")
    assert dialog.bounding_box() == {"x": 0, "y": 0, "width": width, "height": 800}
    assert dialog.evaluate("(dialog) => dialog.scrollWidth") == width
