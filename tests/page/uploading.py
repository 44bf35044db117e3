"""The queue of uploads alone on a page, and what the service says of what it sent."""

from base64 import b64encode
from typing import Any

from playwright.sync_api import Page

from tests.support.client import Client
from tests.support.making import png

_START = """async () => {
  const { createUploads } = await import("/page/net/uploads.js");
  Object.assign(window, { heard: { accepted: [], refused: [], waiting: [] }, sent: [] });
  Object.assign(window, { session: "s", fields: [], signedOut: 0 });
  const { watch } = await import("/page/store.js");
  watch(["account"], () => { window.signedOut += 1; });
  const names = (entries) => entries.map((entry) => entry.path);
  window.uploads = createUploads({
    session: () => window.session,
    fields: () => window.fields,
    onBytes: (bytes) => window.sent.push(bytes),
    onAccepted: (entries, { batch_id }) => heard.accepted.push([batch_id, names(entries)]),
    onRefused: (entries, error) => heard.refused.push([error.code, names(entries)]),
    onWaiting: (error, seconds) => heard.waiting.push([error?.status ?? null, seconds]),
  });
}"""
_MAKE = """([paths, text, padding]) => {
  const picture = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return paths.map((path, at) => {
    const bytes = [picture, new Uint8Array(padding), String(at)];
    return { file: new File(bytes, path.split("/").at(-1)), path };
  });
}"""


class Uploads:
    """The queue on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.evaluate(_START)

    def add(self, paths: list[str], padding: int = 0, *, flush: bool = True) -> None:
        """Adds small pictures, each with so many bytes that nobody reads."""
        made = self.page.evaluate_handle(_MAKE, [paths, b64encode(png(9, 9)).decode(), padding])
        self.page.evaluate("(entries) => entries.forEach(uploads.add)", made)
        if flush:
            self.page.evaluate("uploads.flush()")

    def wait(self, condition: str = "!uploads.busy()") -> "Uploads":
        """Waits until it holds in the page."""
        self.page.wait_for_function(condition)
        return self

    @property
    def accepted(self) -> list[list[str]]:
        """The paths of each request."""
        return [paths for _, paths in self.heard["accepted"]]

    @property
    def arrived(self) -> list[str]:
        """The paths of all that was accepted, sorted."""
        return sorted(path for paths in self.accepted for path in paths)

    @property
    def refused(self) -> list[Any]:
        return list(self.heard["refused"])

    @property
    def waiting(self) -> list[Any]:
        return list(self.heard["waiting"])

    @property
    def heard(self) -> dict[str, list[Any]]:
        return dict(self.page.evaluate("heard"))


def names(count: int) -> list[str]:
    """So many names of files, in their order."""
    return [f"{n:02}.png" for n in range(count)]


def ended(client: Client, count: int) -> list[dict[str, Any]]:
    """The images of the session once they have ended."""
    cursor = "0"
    found: list[dict[str, Any]] = []
    while len(found) < count:
        page = client.call("GET", f"/api/sessions/s?limit=1000&wait=10&cursor={cursor}").json()
        assert not page["errors"]
        cursor = page["next_cursor"] or cursor
        found += page["data"]
    return found


def used(client: Client) -> int:
    """How many images the account has paid for."""
    return int(client.call("GET", "/api/usage").json()["compressor_used"])
