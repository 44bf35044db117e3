"""How the page looks and reads, in every state: light, dark and narrow; and what it weighs.

`make screenshots` keeps the pictures.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from infra.dev.messages_api import MessagesApi
from tests.page.conftest import OpenPage, Scheme
from tests.page.doing import done, drop, row, write
from tests.support.browser import screenshot, sign_in
from tests.support.client import Client
from tests.support.making import saying
from tests.support.paths import SAMPLES

pytestmark = pytest.mark.screenshots

FIRST_LOAD_BYTES = 100_000
# Width and scheme of the colours. The narrow one has fingers for a pointer.
LOOKS = [
    (1280, "light"),
    (360, "dark"),
    pytest.param(1280, "dark", marks=pytest.mark.full),
    pytest.param(360, "light", marks=pytest.mark.full),
]
TEXT = "A brown tabby cat looks into the camera, its whiskers spread, before a dark background"


def faults_of_use(page: Page) -> list[str]:
    """What axe finds serious or critical, and whether the page scrolls sideways."""
    found = [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes']]}"
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    return found


@pytest.fixture
def look(model: MessagesApi) -> Callable[[Page, str], None]:
    """Takes a picture of the state, which must be fit for everyone."""
    model.otherwise = lambda _: saying(TEXT, "tabby-cat")

    def at(page: Page, name: str) -> None:
        width = page.evaluate("innerWidth")
        scheme = page.evaluate(
            "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
        )
        # What appears does so within 150 ms; contrasts are judged when it has.
        page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
        screenshot(page, f"{name}-{width}-{scheme}")
        assert not faults_of_use(page), name

    return at


Look = Callable[[Page, str], None]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_sign_in_fits_everyone(
    open_page: OpenPage, look: Look, width: int, scheme: Scheme
) -> None:
    page = open_page(width=width, scheme=scheme)
    expect(page.get_by_label("API key")).to_be_visible()
    look(page, "sign-in")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_empty_page_and_its_panels_fit_everyone(
    open_page: OpenPage, client: Client, look: Look, width: int, scheme: Scheme
) -> None:
    page = open_page(client.key, width=width, scheme=scheme, has_touch=width < 500)
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    look(page, "empty")
    for name in ("Format", "Fit within", "Watermark", "Alt text", "More", "Account"):
        opener = page.get_by_role("button", name=name)
        opener.click()
        expect(page.locator(":popover-open")).to_be_visible()
        look(page, f"panel-{name.lower().replace(' ', '-')}")
        page.keyboard.press("Escape")
        expect(page.locator(":popover-open")).to_have_count(0)
        expect(opener).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_run_and_the_comparison_fit_everyone(
    open_page: OpenPage, client: Client, look: Look, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    page = open_page(client.key, width=width, scheme=scheme, has_touch=width < 500)
    page.get_by_role("button", name="Alt text").click()
    page.locator(":popover-open").get_by_text("alt text", exact=True).click()
    page.keyboard.press("Escape")
    write(tmp_path, ["a-file-with-quite-a-long-name-of-its-own/notes.jpg"], b"bread and milk")
    write(tmp_path, ["cut.jpg"], (SAMPLES / "rocket.jpg").read_bytes()[:300])
    write(tmp_path, ["shoes/red/IMG_0001.JPG"], (SAMPLES / "rocket.jpg").read_bytes())
    page.route("**/events?*", lambda _: None)  # no news, so that it stays at work
    drop(page, SAMPLES / "chelsea.png", *tmp_path.iterdir())
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    look(page, "working")
    page.unroute("**/events?*")  # lets go what it held
    done(page, 2)
    expect(page.locator("#rows img")).to_have_count(2)
    look(page, "done")
    row(page, "chelsea").get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look(page, "compare")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete now").click()
    look(page, "delete")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Copy as").click()
    look(page, "copy-as")


def test_the_first_load_is_under_100_kb(browser: Browser, client: Client) -> None:
    """On the wire: the service sends text compressed."""
    context = browser.new_context()
    sign_in(context, client.url, client.key)
    page = context.new_page()
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    page.goto(client.url)
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    sizes = {request.url: request.sizes()["responseBodySize"] for request in requests}
    context.close()
    assert len(sizes) > 20
    assert sum(sizes.values()) < FIRST_LOAD_BYTES, sizes
