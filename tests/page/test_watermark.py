"""The watermark: its preview shows what the service makes, and its file is checked at once."""

import io
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from shared.models import Position
from tests.page.conftest import OpenPage
from tests.page.doing import choose
from tests.page.options_form import choose_watermark, fields, opened, opener, send
from tests.support.browser import screenshot
from tests.support.client import Client
from tests.support.making import png

SAMPLE = Path("api/page/dandelion-by-Clemens-Engelhardt.jpg")
PINK = (255, 0, 255)  # in no photograph
DROP = """([selector, bytes, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
    document.querySelector(selector).dispatchEvent(new DragEvent(type, options));
  }
}"""
PASTE = """([selector, bytes, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true, clipboardData: transfer };
  document.querySelector(selector).dispatchEvent(new ClipboardEvent("paste", options));
}"""
PLACED = """async (cases) => {
  const { placed } = await import("/page/views/watermark_preview.js");
  return cases.map(([base, mark, scale, position]) => {
    const sized = ([width, height]) => ({ width, height });
    const { left, top, width, height } = placed(sized(base), sized(mark), scale, position);
    return [left, top, left + width, top + height];
  });
}"""
Box = tuple[float, float, float, float]


def _watermarked(client: Client, picture: tuple[str, bytes], mark: bytes, **more: str) -> Box:
    """Left, top, right and bottom of the pink watermark in what the service makes."""
    named = {f"watermark{name.capitalize()}": value for name, value in more.items()}
    options = {"format": "png", "watermarkOpacity": "100"} | named
    answer = client.compress([picture], options, watermark=mark).json()
    made = httpx.get(answer["data"][0]["url"]).content
    bands = Image.open(io.BytesIO(made)).convert("RGB").split()
    red, green, blue = (band.point(lambda value: 255 * (value > 200)) for band in bands)
    green = green.point(lambda value: 255 - value)
    black = Image.new("L", red.size)
    box = Image.composite(Image.composite(red, black, green), black, blue).getbbox()
    assert box is not None
    return box


def _preview_box(page: Page) -> tuple[Box, tuple[float, float]]:
    """Where the preview shows the watermark, and how large it shows the picture."""
    stage = page.locator(".stage").bounding_box()
    mark = page.locator(".stage .mark").bounding_box()
    assert stage is not None
    assert mark is not None
    left, top = mark["x"] - stage["x"], mark["y"] - stage["y"]
    return (left, top, left + mark["width"], top + mark["height"]), (
        stage["width"],
        stage["height"],
    )


CASES: list[tuple[tuple[int, int], tuple[int, int], int, str]] = [
    *(((301, 200), (90, 40), 20, place) for place in Position),
    ((200, 301), (40, 90), 50, "BR"),  # as high as the margins let it
    ((640, 99), (100, 100), 50, "MC"),
    ((77, 500), (500, 7), 5, "TR"),
    ((500, 500), (1, 1), 33, "BL"),
]


def test_the_preview_places_a_watermark_where_the_service_does(page: Page, client: Client) -> None:
    placed = page.evaluate(PLACED, CASES)
    for (base, mark, scale, place), box in zip(CASES, placed, strict=True):
        picture = ("a.png", png(*base, colour="black"))
        made = _watermarked(
            client, picture, png(*mark, "magenta"), scale=str(scale), position=place
        )
        assert box == pytest.approx(made, abs=1), (base, mark, scale, place)


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.full), 360])
def test_the_preview_of_the_sample_looks_as_the_service_makes_it(
    open_page: OpenPage, client: Client, width: int
) -> None:
    page = open_page(client.key, width=width)
    mark = png(300, 120, "magenta")
    panel = opened(page, "Watermark")
    choose_watermark(page, mark)
    panel.get_by_role("radio", name="Bottom left").check()
    panel.get_by_role("slider", name="Width").fill("35")
    expect(page.locator(".stage .mark")).to_be_visible()
    screenshot(page, f"watermark-{width}")
    made = _watermarked(client, ("a.jpg", SAMPLE.read_bytes()), mark, scale="35", position="BL")
    (left, top, right, bottom), (stage_width, stage_height) = _preview_box(page)
    wide, high = 1920 / stage_width, 1080 / stage_height
    shown = (left * wide, top * high, right * wide, bottom * high)
    assert shown == pytest.approx(made, abs=4)  # less than a pixel of the preview


def test_the_preview_shows_the_opacity_at_once(page: Page) -> None:
    panel = opened(page, "Watermark")
    choose_watermark(page, png())
    expect(page.locator(".stage .mark")).to_have_css("opacity", "0.8")
    panel.get_by_role("slider", name="Opacity").fill("0")
    expect(page.locator(".stage .mark")).to_have_css("opacity", "0")


def test_the_preview_is_over_the_first_picture_of_the_page(page: Page) -> None:
    choose(page, content=png(400, 800))
    expect(page.locator("#rows li")).to_have_count(1)
    page.get_by_role("button", name="Change").click()
    opened(page, "Watermark")
    choose_watermark(page, png())
    picture = page.locator(".stage img").first
    expect(picture).to_have_js_property("naturalHeight", 800)
    box = page.locator(".stage").bounding_box()
    assert box is not None
    assert box["height"] / box["width"] == pytest.approx(2, abs=0.05)


def _problem(page: Page) -> Locator:
    return page.locator(".watermark [role=alert]")


def test_a_file_that_the_service_refuses_as_watermark_is_refused_with_the_reason(
    page: Page, client: Client
) -> None:
    whole = png(64, 64)
    flipped = bytearray(whole)
    flipped[whole.index(b"IDAT") + 10] ^= 0xFF
    jpeg = io.BytesIO()
    Image.new("RGB", (8, 8)).save(jpeg, "JPEG")
    cases = {
        "This file is no PNG.": [jpeg.getvalue(), b"", b"\x89PNG", b"text"],
        "This PNG is damaged or cut short.": [whole[:20], whole[:60], whole[:-14], bytes(flipped)],
        "This PNG has 4097 × 1 pixels": [png(4097, 1)],
        "This file has 5.2 MB": [whole + bytes(5 * 1024 * 1024 - len(whole) + 1)],
    }
    opened(page, "Watermark")
    for reason, files in cases.items():
        for file in files:
            choose_watermark(page, file)
            expect(_problem(page)).to_contain_text(reason)
            assert client.compress([("a.png", png())], watermark=file).status_code == 400
            choose_watermark(page, whole)
            expect(_problem(page)).to_be_hidden()
    assert fields(page) == {"watermarkFile": "logo.png"}


@pytest.mark.full
def test_the_largest_watermark_is_taken_by_page_and_service(page: Page) -> None:
    opened(page, "Watermark")
    choose_watermark(page, png(4096, 4096), "large.png")
    expect(opener(page, "Watermark")).to_contain_text("large.png")
    assert send(page)[0] == 200


def test_a_refused_file_leaves_the_watermark_that_was_chosen(page: Page) -> None:
    opened(page, "Watermark")
    choose_watermark(page, png(), "first.png")
    expect(opener(page, "Watermark")).to_contain_text("first.png")
    choose_watermark(page, b"text", "second.png")
    expect(_problem(page)).to_be_visible()
    assert fields(page) == {"watermarkFile": "first.png"}


@pytest.mark.parametrize(("script", "target"), [(DROP, ".watermark .hint"), (PASTE, "body")])
def test_what_is_dropped_on_or_pasted_into_the_panel_is_the_watermark_and_no_image(
    page: Page, script: str, target: str
) -> None:
    opened(page, "Watermark")
    page.evaluate(script, [target, list(png()), "mine.png"])
    expect(opener(page, "Watermark")).to_contain_text("mine.png")
    expect(page.locator("#rows li")).to_have_count(0)
    assert page.evaluate("import('/page/store.js').then(({ state }) => state.run.taken)") == 0
    assert page.locator("html.dragged-over").count() == 0


def test_a_paste_elsewhere_is_an_image_once_the_panel_is_closed(page: Page) -> None:
    opened(page, "Watermark")
    page.keyboard.press("Escape")
    page.evaluate(PASTE, ["body", list(png()), "mine.png"])
    expect(page.locator("#rows li")).to_have_count(1)
    assert fields(page) == {}


def test_a_watermark_is_there_again_after_a_reload(page: Page) -> None:
    opened(page, "Watermark")
    choose_watermark(page, png(), "лого <b>.png")
    expect(opener(page, "Watermark")).to_contain_text("лого <b>.png")
    page.wait_for_function("() => caches.has('fluximage-watermark')")
    page.reload()
    expect(opener(page, "Watermark")).to_contain_text("лого <b>.png")
    assert send(page)[1]["data"][0]["watermarked"] is True


def test_a_watermark_that_was_removed_stays_so_after_a_reload(page: Page) -> None:
    panel = opened(page, "Watermark")
    choose_watermark(page, png())
    panel.get_by_role("button", name="Remove").click()
    expect(page.locator(".stage")).to_be_hidden()
    page.reload()
    expect(opener(page, "Watermark")).to_have_text("Watermarknone")
    assert fields(page) == {}


def test_what_was_kept_and_is_no_watermark_is_dropped(page: Page) -> None:
    page.evaluate("""async () => {
      const cache = await caches.open("fluximage-watermark");
      const headers = { "X-Name": "%" };
      await cache.put("/page/watermark", new Response("text", { headers }));
    }""")
    page.reload()
    expect(opener(page, "Watermark")).to_have_text("Watermarknone")
    assert fields(page) == {}
