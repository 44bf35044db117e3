"""`make picture`: the README's pictures of the page, in the light and in the dark.

A browser has the real service compress the sample photographs, as a person would. The service
then compresses the pictures of that.
"""

import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from fluximage import Client, FluximageError, Options, Source
from infra.dev.browser import NO_BROWSER, find_browser, launch
from infra.dev.temporary_service import temporary_service
from shared.errors import OperatorError

SUFFIXES = (".jpg", ".png")
# The name of a picture's file, by the scheme of its colours.
PICTURES: dict[Literal["light", "dark"], str] = {"light": "page.webp", "dark": "page-dark.webp"}
MOST_BYTES = 200_000
VIEWPORT = ViewportSize(width=1040, height=660)
PIXELS_PER_POINT = 2  # of a good screen
WAIT_MS = 120_000


def main(photographs: Path, folder: Path) -> None:
    """Writes the pictures into the folder.

    Raises OperatorError where there is no browser, or where a picture gets too large.
    """
    executable = find_browser()
    if executable is None:
        raise OperatorError(f"There is {NO_BROWSER}")
    expect.set_options(timeout=WAIT_MS)
    with temporary_service(hurry=True) as service, Client(service.url, service.api_key) as client:
        with sync_playwright() as playwright:
            browser = launch(playwright, executable)
            page = _signed_in(browser, service.url, service.api_key)
            _compress(page, photographs)
            shots = {scheme: _shot(page, scheme) for scheme in PICTURES}
            browser.close()
        for scheme, name in PICTURES.items():
            _write(client, shots[scheme], folder / name)


def _signed_in(browser: Browser, url: str, key: str) -> Page:
    context = browser.new_context(viewport=VIEWPORT, device_scale_factor=PIXELS_PER_POINT)
    context.add_init_script(f"sessionStorage.setItem('fluximage-key', {key!r})")
    page = context.new_page()
    page.goto(url)
    return page


def _compress(page: Page, photographs: Path) -> None:
    paths = sorted(path for path in photographs.iterdir() if path.suffix in SUFFIXES)
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Choose files").click()
    choosing.value.set_files(paths)
    expect(page).to_have_title(f"Done: {len(paths)} images · fluximage")


def _shot(page: Page, scheme: Literal["light", "dark"]) -> bytes:
    page.emulate_media(color_scheme=scheme)
    page.mouse.move(0, 0)
    expect(page.locator("#rows img").last).to_be_visible()
    page.wait_for_function(
        "[...document.querySelectorAll('#rows img')].every((image) => image.complete)"
    )
    return page.screenshot()


def _write(client: Client, shot: bytes, path: Path) -> None:
    batch = client.send(
        [Source(shot, f"{path.stem}.png")], Options(format="webp"), wait_seconds=None
    )
    (image,) = batch.images
    if image.compressed_size > MOST_BYTES:
        raise OperatorError(f"{path} would have {image.compressed_size} bytes, of {MOST_BYTES}")
    with path.open("wb") as file:
        client.download(image, file)
    print(f"{path}: {image.width} × {image.height}, {image.compressed_size} bytes")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except (OperatorError, FluximageError) as error:
        sys.exit(error.message)
