"""The bar of what can be done with the results of a run."""

import csv
import io
import re
import zipfile
from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from shared.services import Services
from tests.page.conftest import OpenPage
from tests.page.saving import (
    PICK,
    await_done,
    choose_folder,
    picked,
    put_into_picked,
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


def test_the_link_to_the_zip_is_got_anew_where_it_has_ended(done: Page) -> None:
    done.evaluate(
        """() => import("/page/store.js").then(({ state, changed }) => {
          state.run.archiveUrl = state.run.archiveUrl.replace(/expires=[0-9]+/, "expires=1");
          changed("run");
        })"""
    )
    link = done.get_by_role("link", name="Download ZIP")
    expect(link).to_have_attribute("href", re.compile("expires=1&"))
    with done.expect_download() as download:
        link.click()
    assert zipfile.is_zipfile(download.value.path())


def test_a_folder_gets_the_images_with_their_tree(done: Page) -> None:
    done.get_by_role("button", name="Save to a folder").click()
    expect(done.locator("#actions .saving")).to_contain_text("3 images are in “picked”.")
    assert picked(done) == of_zip(done)


def test_files_of_other_content_are_asked_about(done: Page) -> None:
    put_into_picked(done, "shoes/red/1.webp", b64encode(b"mine").decode())
    for choice, expected in (("Cancel", 1), ("Keep both", 4), ("Replace", 4)):
        done.get_by_role("button", name="Save to a folder").click()
        dialog = done.get_by_role("dialog")
        expect(dialog).to_contain_text("1 other file with the name of a result is in “picked”")
        dialog.get_by_role("button", name=choice).click()
        expect(dialog).to_be_hidden()
        expect(done.get_by_role("button", name="Save to a folder")).to_be_enabled()
        files = picked(done)
        assert len(files) == expected
        assert (files["shoes/red/1.webp"] == b"mine") is (choice != "Replace")


def test_the_csv_is_the_manifest_with_the_texts_as_edited(done: Page) -> None:
    with done.expect_download() as download:
        done.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"{session_of(done)}.csv"
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert {row["new_path"] for row in rows} == of_zip(done).keys()


def test_delete_now_asks_and_deletes(done: Page, client: Client) -> None:
    session = session_of(done)
    remove = done.get_by_role("button", name="Delete now")
    remove.click()
    expect(done.get_by_role("dialog")).to_contain_text("Delete the 3 results from the service now?")
    expect(done.get_by_role("button", name="Cancel")).to_be_focused()
    done.keyboard.press("Escape")
    expect(remove).to_be_focused()
    assert client.call("GET", f"/api/sessions/{session}").json()["progress"]["completed"] == 3
    remove.click()
    done.get_by_role("dialog").get_by_role("button", name="Delete now").click()
    expect(done.locator("#actions")).to_be_hidden()
    assert client.call("GET", f"/api/sessions/{session}").json()["status"] == "cancelled"


def test_links_that_have_ended_are_renewed(done: Page) -> None:
    expect(done.get_by_text("links end in 24 h")).to_be_visible()
    end_links(done)
    done.get_by_role("button", name="Renew").click()
    expect(done.get_by_text("links end in 24 h")).to_be_visible()


def test_results_that_the_service_has_deleted_are_told(done: Page, service: Services) -> None:
    with service.database.transaction() as connection:
        connection.execute(
            "UPDATE images SET output_key = NULL WHERE session_id ="
            " (SELECT id FROM sessions WHERE name = %s) AND file_name = '1.webp'",
            [session_of(done)],
        )
    end_links(done)
    done.get_by_role("button", name="Renew").click()
    expect(done.get_by_text("the service has deleted 2 of 3 results")).to_be_visible()


def test_copy_as_shows_the_text_where_the_clipboard_is_closed(done: Page) -> None:
    done.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    done.evaluate("document.execCommand = () => false")
    done.get_by_role("button", name="Copy as").click()
    done.get_by_role("button", name="Python").click()
    expect(done.locator("#actions .note", has_text="The text is selected")).to_be_visible()
    selected = done.evaluate("getSelection().toString()")
    assert "from fluximage import Client" in selected


def test_where_no_folder_can_be_picked_there_is_no_button(
    open_page: OpenPage, client: Client, tmp_path: Path
) -> None:
    page = open_page(client.key)
    page.add_init_script(
        "delete window.showDirectoryPicker; delete Window.prototype.showDirectoryPicker"
    )
    page.reload()
    choose_folder(page, write_tree(tmp_path, TREE) / "shoes")
    await_done(page, 3)
    expect(page.get_by_role("link", name="Download ZIP")).to_be_visible()
    expect(page.get_by_role("button", name="Save to a folder")).to_be_hidden()


def end_links(page: Page) -> None:
    """Makes it look as if the time of all links were over."""
    page.evaluate(
        """() => import("/page/store.js").then(({ state, changed }) => {
          for (const { image } of state.rows.values()) image.expires_at = "2020-01-01T00:00:00Z";
          changed("rows");
        })"""
    )


def of_zip(page: Page) -> dict[str, bytes]:
    """The images in the ZIP."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        names = [name for name in archive.namelist() if not name.startswith("manifest.")]
        return {name: archive.read(name) for name in names}


def session_of(page: Page) -> str:
    """The id of the page's session."""
    return str(page.evaluate("import('/page/store.js').then(({ state }) => state.session)"))
