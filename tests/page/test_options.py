"""The options: what a person sets is what the service gets."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from shared.plans import Plan
from shared.services import Services
from tests.page.conftest import OpenPage, Scheme
from tests.page.doing import choose
from tests.page.options_form import choose_watermark, fields, opened, opener, send
from tests.support.browser import screenshot
from tests.support.client import Client
from tests.support.making import make_account, png

SESSION_NAME = "import('/page/store.js').then(({ state }) => state.options.sessionName)"
CONTROLS = ("Format", "Fit within", "Watermark", "Alt text", "More")


def _key(service: Services, plan: Plan) -> str:
    _, key = make_account(service, plan)
    return key


def test_untouched_options_make_no_field(page: Page) -> None:
    expect(opener(page, "Format")).to_have_text("FormatWebP")
    assert fields(page) == {}
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()


@pytest.mark.usefixtures("model")
def test_the_service_takes_the_fields_of_every_option_without_a_warning(page: Page) -> None:
    opened(page, "Format").get_by_role("radio", name="AVIF").check()
    page.get_by_role("slider", name="Quality").fill("70")
    within = opened(page, "Fit within")
    within.get_by_label("Width").fill("200")
    within.get_by_label("Height").fill("100")
    watermark = opened(page, "Watermark")
    choose_watermark(page, png())
    watermark.get_by_role("radio", name="Top left").check()
    watermark.get_by_role("slider", name="Width").fill("33")
    watermark.get_by_role("slider", name="Opacity").fill("50")
    ai = opened(page, "Alt text")
    ai.get_by_role("radio", name=re.compile("^both")).check()
    ai.get_by_label("Language").select_option("Français")
    more = opened(page, "More")
    more.get_by_label("Session name").fill("spring-sale")
    more.get_by_label("Context").fill("A shop for <running> shoes")
    more.get_by_label("Keywords").fill("trail, waterproof")

    assert fields(page) == {
        "format": "avif",
        "quality": "70",
        "maxWidth": "200",
        "maxHeight": "100",
        "watermarkFile": "logo.png",
        "watermarkPosition": "TL",
        "watermarkScale": "33",
        "watermarkOpacity": "50",
        "autoAltText": "true",
        "autoRenameSEO": "true",
        "language": "Français",
        "context": "A shop for <running> shoes",
        "keywords": "trail, waterproof",
    }
    assert page.evaluate(SESSION_NAME) == "spring-sale"
    status, answer = send(page)
    assert (status, answer["warnings"]) == (200, [])
    [image] = answer["data"]
    assert (image["format"], image["width"], image["watermarked"]) == ("avif", 200, True)
    assert image["alt_text"]


def test_a_format_goes_by_the_name_that_the_service_knows(page: Page) -> None:
    panel = opened(page, "Format")
    for name, format_ in {"AVIF": "avif", "JPEG": "jpg", "PNG": "png", "WebP": None}.items():
        panel.get_by_role("radio", name=name).check()
        assert fields(page).get("format") == format_
        expect(opener(page, "Format")).to_contain_text(name)


def test_escape_closes_a_panel_and_its_button_has_the_focus_again(page: Page) -> None:
    for name in CONTROLS:
        panel = opened(page, name)
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(opener(page, name)).to_be_focused()


def test_a_click_elsewhere_closes_a_panel(page: Page) -> None:
    panel = opened(page, "Format")
    page.get_by_text("Drop photographs").click()
    expect(panel).to_be_hidden()


def test_one_panel_is_open_at_a_time(page: Page) -> None:
    panels = [opened(page, name) for name in CONTROLS]
    for panel in panels[:-1]:
        expect(panel).to_be_hidden()


def test_enter_in_a_field_closes_its_panel_and_leaves_the_page_alone(page: Page) -> None:
    width = opened(page, "Fit within").get_by_label("Width")
    width.fill("1600")
    width.press("Enter")
    expect(width).to_be_hidden()
    assert fields(page) == {"maxWidth": "1600"}
    assert "?" not in page.url


def test_the_keyboard_alone_sets_format_and_quality(page: Page) -> None:
    opener(page, "Format").focus()
    for key in ("Enter", "Tab", "ArrowUp", "Escape", "Tab", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert fields(page) == {"format": "avif", "quality": "80"}


def test_a_png_is_lossless_so_its_quality_is_greyed_and_not_sent(page: Page) -> None:
    page.get_by_role("slider", name="Quality").fill("50")
    opened(page, "Format").get_by_role("radio", name="PNG").check()
    expect(page.get_by_text("PNG is lossless")).to_be_visible()
    expect(page.locator(".controls > .slider input")).to_be_disabled()
    assert fields(page) == {"format": "png"}


def test_a_common_size_is_one_click(page: Page) -> None:
    panel = opened(page, "Fit within")
    panel.get_by_role("button", name="1600").click()
    assert fields(page) == {"maxWidth": "1600", "maxHeight": "1600"}
    expect(panel.get_by_label("Width")).to_have_value("1600")
    panel.get_by_role("button", name="Any size").click()
    assert fields(page) == {}


def test_a_side_that_the_service_refuses_is_said_and_not_sent(page: Page) -> None:
    width = opened(page, "Fit within").get_by_label("Width")
    for text in ("0", "65536", "12.5", "-3", "1e3", "wide", "１６"):
        width.fill("65535")
        assert fields(page) == {"maxWidth": "65535"}
        width.fill(text)
        expect(page.get_by_text("A whole number from 1 to 65535")).to_be_visible()
        expect(width).to_have_attribute("aria-invalid", "true")
        assert fields(page) == {}


def test_a_session_name_that_the_service_refuses_is_said_and_not_taken(page: Page) -> None:
    field = opened(page, "More").get_by_label("Session name")
    for name in ("spring sale", "été", "a/b", ".", "..", "x" * 129):
        field.fill("spring")
        assert page.evaluate(SESSION_NAME) == "spring"
        field.fill(name)
        expect(page.get_by_text("It is not used until then.")).to_be_visible()
        assert page.evaluate(SESSION_NAME) == ""


@pytest.mark.usefixtures("model")
def test_a_text_is_counted_as_the_service_counts_it(page: Page) -> None:
    opened(page, "Alt text").get_by_role("radio", name=re.compile("^alt text")).check()
    field = opened(page, "More").get_by_label("Context")
    field.fill("👟" * 301)
    expect(page.get_by_text("At most 300 characters, and these are 301.")).to_be_visible()
    assert "context" not in fields(page)
    field.fill("👟" * 300)
    expect(page.get_by_text("At most 300 characters")).to_have_count(0)
    assert send(page)[0] == 200


def test_options_are_there_again_after_a_reload(page: Page) -> None:
    opened(page, "Format").get_by_role("radio", name="AVIF").check()
    opened(page, "Fit within").get_by_role("button", name="1600").click()
    before = fields(page)
    page.reload()
    expect(opener(page, "Format")).to_have_text("FormatAVIF")
    assert fields(page) == before
    expect(opened(page, "Fit within").get_by_label("Width")).to_have_value("1600")


def test_a_session_name_is_of_one_visit(page: Page) -> None:
    opened(page, "More").get_by_label("Session name").fill("spring-sale")
    page.reload()
    expect(opened(page, "More").get_by_label("Session name")).to_have_value("")


BAD_STORED = (
    "{",
    "null",
    "7",
    '"text"',
    "[1, 2]",
    json.dumps({"format": "gif", "quality": 900, "maxWidth": "wide", "language": "Klingon"}),
    json.dumps({"quality": "82", "maxHeight": 0, "autoAltText": "yes", "context": "x" * 301}),
    json.dumps({"watermark": "logo.png", "__proto__": {"x": 1}, "constructor": 1, "unknown": 1}),
)


def test_stored_options_that_the_service_would_refuse_are_dropped(page: Page) -> None:
    for stored in BAD_STORED:
        page.evaluate("(text) => localStorage.setItem('fluximage-options', text)", stored)
        page.reload()
        expect(opener(page, "Format")).to_have_text("FormatWebP")
        assert fields(page) == {}


def test_a_good_stored_option_stays_beside_a_bad_one(page: Page) -> None:
    page.evaluate(
        'localStorage.setItem(\'fluximage-options\', \'{"quality": 7, "format": "avif"}\')'
    )
    page.reload()
    expect(opener(page, "Format")).to_have_text("FormatAVIF")
    assert fields(page) == {"format": "avif"}


def test_reset_forgets_all_options_and_the_watermark(page: Page) -> None:
    opened(page, "Format").get_by_role("radio", name="JPEG").check()
    page.get_by_role("slider", name="Quality").fill("50")
    opened(page, "Watermark")
    choose_watermark(page, png())
    expect(opener(page, "Watermark")).to_contain_text("logo.png")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("button", name="Reset")).to_be_hidden()
    expect(page.get_by_role("slider", name="Quality")).to_have_value("82")
    page.reload()
    expect(opener(page, "Format")).to_have_text("FormatWebP")
    expect(opener(page, "Watermark")).to_have_text("Watermarknone")
    assert fields(page) == {}


def test_a_free_plan_has_watermark_and_alt_text_greyed_with_the_reason(
    open_page: OpenPage, service: Services
) -> None:
    page = open_page(_key(service, Plan.FREE))
    for name in ("Watermark", "Alt text"):
        expect(opener(page, name)).to_be_disabled()
        expect(opener(page, name)).to_contain_text("not in the free plan")
    screenshot(page, "options-free")


def test_what_a_free_plan_lacks_is_not_sent_though_it_was_chosen_on_another(
    page: Page, service: Services
) -> None:
    opened(page, "Watermark")
    choose_watermark(page, png())
    opened(page, "Alt text").get_by_role("radio", name=re.compile("^both")).check()
    assert "watermarkFile" in fields(page)
    key = _key(service, Plan.FREE)
    page.evaluate("(key) => sessionStorage.setItem('fluximage-key', key)", key)
    page.reload()
    expect(opener(page, "Watermark")).to_be_disabled()
    assert fields(page) == {}
    status, answer = send(page)
    assert (status, answer["warnings"]) == (200, [])


def test_without_credits_alt_text_says_until_when(
    open_page: OpenPage, service: Services, client: Client
) -> None:
    assert client.compress([("a.png", png())]).status_code == 200  # its usage has a row now
    with service.database.transaction() as connection:
        connection.execute(
            "UPDATE usage SET ai_credits = 10000 WHERE account_id = %s", (client.account.id,)
        )
    page = open_page(client.key)
    expect(opener(page, "Alt text")).to_be_disabled()
    expect(opener(page, "Alt text")).to_have_text(re.compile(r"no credits left until \d+ \w+"))


def test_without_an_ai_provider_alt_text_is_greyed_with_the_reason_and_not_sent(
    page: Page,
) -> None:
    opened(page, "Alt text").get_by_role("radio", name=re.compile("^both")).check()
    assert fields(page) == {"autoAltText": "true", "autoRenameSEO": "true"}

    def without_provider(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"ai": False})

    page.route("**/api/account", without_provider)
    page.reload()
    expect(opener(page, "Alt text")).to_be_disabled()
    expect(opener(page, "Alt text")).to_have_text("Alt textthis service has no AI")
    assert fields(page) == {}


def test_while_a_run_is_on_one_line_says_the_options_and_opens_in_place(
    page: Page,
) -> None:
    opened(page, "Format").get_by_role("radio", name="AVIF").check()
    opened(page, "Fit within").get_by_role("button", name="1600").click()
    page.keyboard.press("Escape")
    choose(page)
    line = page.locator("#options .folded")
    expect(line).to_contain_text("AVIF · 82 · within 1600")
    expect(opener(page, "Format")).to_be_hidden()
    line.get_by_role("button", name="Change").click()
    opened(page, "Format").get_by_role("radio", name="PNG").check()
    expect(line).to_contain_text("PNG · lossless · within 1600")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_panel_makes_a_phone_scroll_sideways(
    open_page: OpenPage, client: Client, scheme: Scheme
) -> None:
    page = open_page(client.key, width=360, height=740, scheme=scheme, has_touch=True)
    for name in CONTROLS:
        panel = opened(page, name)
        if name == "Watermark":
            choose_watermark(page, png(300, 100))
        box = panel.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        screenshot(page, f"options-phone-{scheme}-{name.replace(' ', '-')}")
        page.keyboard.press("Escape")
