"""The options as a person sets them, and what they make of them."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

FIELDS = """async () => {
  const { optionFields } = await import("/page/views/options.js");
  return optionFields().map(([name, value]) => [name, value.name ?? value]);
}"""
SEND = """async () => {
  const { optionFields } = await import("/page/views/options.js");
  const { authorization } = await import("/page/net/api.js");
  const form = new FormData();
  for (const [name, value] of optionFields()) form.append(name, value);
  const picture = document.createElement("canvas");
  picture.getContext("2d").fillRect(0, 0, 300, 150);
  form.append("file", await new Promise((done) => picture.toBlob(done)), "a.png");
  const options = { method: "POST", headers: authorization(), body: form };
  const answer = await fetch("/api/compress", options);
  return [answer.status, await answer.json()];
}"""


def opener(page: Page, name: str) -> Locator:
    """The button of an option."""
    return page.locator("#options").get_by_role("button", name=re.compile(f"^{name}"))


def opened(page: Page, name: str) -> Locator:
    """The panel of an option, opened."""
    opener(page, name).click()
    panel = page.get_by_role("group", name=name, exact=True).locator("visible=true").first
    expect(panel).to_be_visible()
    return panel


def fields(page: Page) -> dict[str, str]:
    """The fields that the options make; of a file its name."""
    return dict(page.evaluate(FIELDS))


def send(page: Page) -> tuple[int, Any]:
    """Status and answer of a request with an image and the fields of the options."""
    status, answer = page.evaluate(SEND)
    return status, answer


def choose_watermark(page: Page, png: bytes, name: str = "logo.png") -> None:
    """Chooses the file in the panel of the watermark, which has to be open."""
    chooser = page.locator(".watermark input[type=file]")
    chooser.set_input_files({"name": name, "mimeType": "image/png", "buffer": png})
