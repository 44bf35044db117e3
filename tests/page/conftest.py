"""The page in a browser: one browser a run, a context of its own for every test."""

from collections.abc import Iterator
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from infra.dev.browser import NO_BROWSER, find_browser, launch
from shared.services import Services
from tests.support.browser import WAIT_MS, Faults, sign_in
from tests.support.client import Client

expect.set_options(timeout=WAIT_MS)

Scheme = Literal["light", "dark"]


class OpenPage(Protocol):
    """What the fixture `open_page` is."""

    def __call__(
        self,
        key: str | None = None,
        width: int = 1280,
        height: int = 800,
        scheme: Scheme = "light",
        fragment: str = "",
        **options: Any,
    ) -> Page:
        """The page in a new context, signed in with `key`, or not signed in.

        fragment: with its `#`. options: of Playwright's new_context.
        """


# Between its calls, Playwright's event loop counts as running in this thread: a test that runs
# a loop of its own (those of MCP) would fail. So the browser ends with the tests of this package.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    executable = find_browser()
    if executable is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        running = launch(playwright, executable)
        yield running
        running.close()


@pytest.fixture
def faults(client: Client, service: Services) -> Faults:
    """What goes wrong on the pages of the test; `allow` what belongs to it."""
    settings = service.settings
    store = urlsplit(settings.s3_public_endpoint or settings.s3_endpoint)
    return Faults(frozenset({client.url, f"{store.scheme}://{store.netloc}"}))


@pytest.fixture
def open_page(browser: Browser, client: Client, faults: Faults) -> Iterator[OpenPage]:
    """Opens pages; at the end none may have had a fault."""
    contexts: list[BrowserContext] = []

    def open_one(
        key: str | None = None,
        width: int = 1280,
        height: int = 800,
        scheme: Scheme = "light",
        fragment: str = "",
        **options: Any,
    ) -> Page:
        viewport = ViewportSize(width=width, height=height)
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        faults.watch(context)
        if key is not None:
            sign_in(context, client.url, key)
        page = context.new_page()
        page.goto(f"{client.url}/{fragment}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    if faults.unexpected:
        pytest.fail("\n  ".join(["the page had faults:", *faults.unexpected]), pytrace=False)


@pytest.fixture
def page(open_page: OpenPage, client: Client) -> Page:
    """The page, signed in with the new agency account of `client`."""
    return open_page(client.key)
