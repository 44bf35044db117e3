"""What a person does on the page, and what they see of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Request, expect

from tests.support.making import png


def drop(page: Page, *paths: Path, at: tuple[int, int] = (300, 300)) -> None:
    """Drops files and folders of the disk into the window, once it takes them."""
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    drop_at(page, *paths, at=at)


def drop_at(page: Page, *paths: Path, at: tuple[int, int]) -> None:
    """Drops files and folders of the disk at a place, as a file manager does."""
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": at[0], "y": at[1], "data": data}
        devtools.send("Input.dispatchDragEvent", event)
    devtools.detach()


def choose(page: Page, name: str = "a.png", content: bytes | None = None) -> None:
    """Chooses one image, as a person does by the button."""
    picture = png() if content is None else content
    page.locator("#drop input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": picture}
    )


def write(folder: Path, names: Iterable[str], data: bytes | None = None) -> list[Path]:
    """Writes images into the folder; `names` may have folders. Each is another picture."""
    paths = []
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(8 + number, 6) if data is None else data)
        paths.append(path)
    return paths


def rows(page: Page) -> Locator:
    """The rows of the list."""
    return page.get_by_role("list", name="Images").get_by_role("listitem")


def row(page: Page, text: str) -> Locator:
    """The row with that text."""
    return rows(page).filter(has_text=text)


def done(page: Page, count: int) -> None:
    """Waits until the run has ended with so many images."""
    expect(page).to_have_title(f"Done: {count:,} image{'' if count == 1 else 's'} · fluximage")


@dataclass
class Calls:
    """The requests that a page makes, from the making of this on."""

    page: Page
    made: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.made.append(request))

    def to(self, path: str, method: str = "GET") -> list[Request]:
        """Those with that method whose URL holds `path`."""
        return [one for one in self.made if one.method == method and path in one.url]

    @property
    def uploads(self) -> list[Request]:
        """The requests that send images."""
        return self.to("/api/compress", "POST")


def session_of(page: Page) -> str:
    """The session that the address names."""
    name: Any = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('session')")
    assert isinstance(name, str)
    return name
