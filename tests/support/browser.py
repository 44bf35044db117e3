"""What may not happen while a browser shows the page, and how a test signs in."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

# A machine of continuous integration is slow now and then.
WAIT_MS = 30_000

# Runs before the page's own scripts, in every document of the context.
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI} ${event.sample}`);
});
"""
# Once a tab, so that a key that the page takes or forgets later stays so over a reload.
_SIGN_IN = """
if (location.origin === %r && !sessionStorage.getItem("signed-in-by-test")) {
  sessionStorage.setItem("signed-in-by-test", "yes");
  sessionStorage.setItem("fluximage-key", %r);
}
"""


@dataclass
class Faults:
    """What no page of a test may do: errors, violations of the CSP, calls to strangers.

    origins: scheme, host and port of whom the page may ask.
    """

    origins: frozenset[str]
    found: list[str] = field(default_factory=list)
    # A request whose images have all failed before it is answered is no fault of the page.
    allowed: list[str] = field(default_factory=lambda: [r"status of 422 .*/api/compress"])

    def allow(self, pattern: str) -> None:
        """A fault in which `pattern`, a regular expression, is found is part of the test.

        A browser reports each answer of 4xx and 5xx to the console: `status of 403`.
        """
        self.allowed.append(pattern)

    @property
    def unexpected(self) -> list[str]:
        """The faults that the test has not allowed."""
        return [
            fault
            for fault in self.found
            if not any(re.search(pattern, fault) for pattern in self.allowed)
        ]

    def watch(self, context: BrowserContext) -> None:
        """Notes the faults of all pages of the context, from now on."""
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.found.append(f"uncaught: {error.error}"))
        context.on("request", self._requested)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"console: {message.text} ({message.location['url']})")

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        within = parts.scheme in ("blob", "data", "about")
        if not within and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.found.append(f"asks a stranger: {request.url}")


def sign_in(context: BrowserContext, url: str, key: str) -> None:
    """Every new tab of the context has the key in its sessionStorage when it loads the page."""
    context.add_init_script(_SIGN_IN % (url, key))


def screenshot(page: Page, name: str) -> None:
    """Writes a picture of the page, or of its open dialog, to be looked at: `make screenshots`.

    It goes into the folder PAGE_SCREENSHOTS; without that variable nothing is done.
    """
    folder = os.environ.get("PAGE_SCREENSHOTS")
    if folder:
        whole = page.locator("dialog[open]").count() == 0
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)
