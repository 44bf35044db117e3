"""What tests of the comparison need: sessions opened again, and what a screenshot shows."""

import io
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.page.conftest import OpenPage
from tests.support.client import Client

Pixels = npt.NDArray[np.uint8]
Files = Mapping[str, bytes]


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """The image as a file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """An image in which no pixel is like its neighbours, the same at each call."""
    shape = (height, width, len(mode))
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, shape, np.uint8), mode)


def open_session(
    open_page: OpenPage, client: Client, files: Files, fields: Mapping[str, str], **options: Any
) -> Page:
    """Compresses the files and opens their session, as after a reload: no original is at hand."""
    session = str(uuid4())
    sent = [(name, content) for name, content in files.items()]
    answer = client.compress(sent, {"sessionId": session, **fields})
    assert answer.status_code == 200, answer.text
    page = open_page(client.key, fragment=f"#session={session}", **options)
    expect(page.locator("#rows li.done")).to_have_count(len(files))
    return page


def compare(page: Page, name: str) -> Locator:
    """Opens the comparison of the row in which the name stands."""
    page.locator("#rows li", has_text=name).get_by_role("button", name="Compare").click()
    return loaded(page)


def loaded(page: Page) -> Locator:
    """The open comparison, once its pictures are there."""
    dialog = page.get_by_role("dialog", name="Compare")
    expect(dialog).to_be_visible()
    expect(dialog).not_to_have_class("comparison loading")
    return dialog


def give(page: Page, files: Files) -> Locator:
    """Chooses originals, as a person does by the button."""
    payloads: list[FilePayload] = [
        {"name": name, "mimeType": "", "buffer": content} for name, content in files.items()
    ]
    asked = page.locator(".wanted")
    said = asked.text_content() or ""
    asked.locator("input:not([webkitdirectory])").set_input_files(payloads)
    expect(asked).not_to_have_text(said)  # they are taken, or refused
    return loaded(page)


def shown(page: Page) -> Pixels:
    """The pixels of the stage, without the divider's line, over which the halves meet."""
    page.locator(".divider").evaluate("(divider) => { divider.style.visibility = 'hidden'; }")
    image = Image.open(io.BytesIO(page.screenshot(scale="device"))).convert("RGB")
    left, top, right, bottom = page.locator(".comparison .stage").evaluate(
        """(stage) => {
          const { left, top, right, bottom } = stage.getBoundingClientRect();
          return [left, top, right, bottom].map((side) => Math.round(side * devicePixelRatio));
        }"""
    )
    page.locator(".divider").evaluate("(divider) => { divider.style.visibility = ''; }")
    return np.asarray(image.crop((left, top, right, bottom)))


def middle_of(image: Image.Image, height: int, width: int) -> Pixels:
    """The part of an image that a stage of that size shows at 100 %."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return np.asarray(image.convert("RGB").crop((left, top, left + width, top + height)))


def is_middle_of(image: Image.Image, seen: Pixels) -> bool:
    """Whether the stage shows these pixels, but for its edges, which may be within a pixel."""
    shifted = (np.roll(seen, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    expected = middle_of(image, *seen.shape[:2])[2:-2, 2:-2]
    return any(np.array_equal(one[2:-2, 2:-2], expected) for one in shifted)
