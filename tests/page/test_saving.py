"""Saving a session into a folder over a line that breaks."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from shared.services import Services
from tests.client.line import Line
from tests.page.conftest import OpenPage
from tests.page.saving import PICK, await_done, picked
from tests.support.browser import Faults
from tests.support.client import Client
from tests.support.making import make_account, png

SLOW_MS = 120_000  # for some hundred files on a busy machine


@pytest.fixture
def line(service_url: str) -> Iterator[Line]:
    """What stands between the browser and the service."""
    with Line(service_url) as running:
        yield running


@pytest.fixture
def client(line: Line, service: Services) -> Client:
    """A client behind the line."""
    account, key = make_account(service)
    return Client(line.url, key, account)


@pytest.mark.parametrize("images", [40, pytest.param(400, marks=pytest.mark.full)])
def test_saving_goes_on_where_the_line_has_broken(
    open_page: OpenPage, client: Client, line: Line, faults: Faults, images: int
) -> None:
    names = [f"shoes/{number % 7}/{number}.png" for number in range(images)]
    for start in range(0, images, 20):
        files = [(name, png(20 + start // 20, 20)) for name in names[start : start + 20]]
        assert client.compress(files, {"sessionId": "many"}).status_code == 200
    page = open_page(client.key, fragment="#session=many")
    page.evaluate(PICK)
    await_done(page, images, seconds=120)
    expected = {name.replace(".png", ".webp") for name in names}

    faults.allow("ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION|network error")
    line.cut_archive_after_bytes = images * 80  # of 150 for each
    page.get_by_role("button", name="Save to a folder").click()
    told = page.locator("#actions .saving")
    expect(told).to_contain_text("The connection broke.", timeout=SLOW_MS)
    whole = picked(page)
    assert 0 < len(whole) < images
    expect(told).to_contain_text(f"{len(whole)} images are saved and whole")
    assert all(is_whole_webp(content) for content in whole.values())

    line.cut_archive_after_bytes = 0
    page.get_by_role("button", name="Go on").click()
    expect(told).to_contain_text(f"{images} images are in “picked”.", timeout=SLOW_MS)
    unpacked = picked(page)
    assert unpacked.keys() == expected
    assert all(is_whole_webp(content) for content in unpacked.values())


def is_whole_webp(content: bytes) -> bool:
    """Whether the file is as long as its header says."""
    return content[8:12] == b"WEBP" and int.from_bytes(content[4:8], "little") + 8 == len(content)
