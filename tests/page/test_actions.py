"""The bar of what can be done with the results of a run."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.saving import (
    PICK,
    await_done,
    choose_folder,
    picked,
    write_tree,
)
from tests.support.client import Client
from tests.support.making import png

TREE = {
    "shoes/red/1.png": png(40, 30, "red"),
    "shoes/blue/1.png": png(40, 30, "blue"),
    "shoes/läufer 走.png": png(30, 30, "green"),
}


@pytest.fixture
def done(page: Page, tmp_path: Path) -> Page:
    """The page after a run with a folder of three images."""
    page.evaluate(PICK)
    choose_folder(page, write_tree(tmp_path, TREE) / "shoes")
    await_done(page, 3)
    return page


def test_the_zip_has_the_images_with_their_folders(done: Page, client: Client) -> None:
    with done.expect_download() as download:
        done.get_by_role("link", name="Download ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        names = archive.namelist()
    assert sorted(names)[-3:] == ["shoes/blue/1.webp", "shoes/läufer 走.webp", "shoes/red/1.webp"]
    assert download.value.suggested_filename == f"{session_of(done)}.zip"
    assert client.key not in download.value.url


def session_of(page: Page) -> str:
    """The id of the page's session."""
    return str(page.evaluate("import('/page/store.js').then(({ state }) => state.session)"))


def test_try(done: Page) -> None:
    done.get_by_role("button", name="Save to a folder").click()
    expect(done.get_by_text("3 images are in")).to_be_visible()
    print({k: len(v) for k, v in picked(done).items()})
    done.screenshot(path="/tmp/s1.png")
    done.get_by_role("button", name="Copy as").click()
    done.get_by_role("button", name="curl").click()
    done.wait_for_timeout(300)
    done.screenshot(path="/tmp/s2.png")
    for way in ("curl", "python", "commandLine"):
        print(
            done.evaluate(
                """async (way) => (await import("/page/files/copy_as.js"))[way]([["format","avif"]], ["shoes/red/1.png","shoes/b ü'$.png"])""",
                way,
            )
        )
