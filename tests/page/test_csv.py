"""The rows as CSV: what an archive's manifest.csv says, with the texts as they were edited."""

import csv
import io
import zipfile

from playwright.sync_api import Page, expect

from infra.dev.messages_api import MessagesApi
from tests.page.conftest import OpenPage
from tests.support.client import Client
from tests.support.making import png, saying

CSV = """
() => Promise.all([import("/page/files/csv.js"), import("/page/store.js")])
  .then(([{ csvOf }, { state }]) => csvOf(state.rows.values()))
"""
HOSTILE = '=1+1, "quoted"\tüber 走'
NO_IMAGE = b"text"
NAMES = ("=cmd.png", "+1, 2.png", '@x"y.png', "läufer.png", "shoes/-a.png", "－wide.png")


def test_without_edits_it_is_the_manifest_of_the_archive(
    open_page: OpenPage, client: Client, model: MessagesApi
) -> None:
    model.otherwise = lambda _: saying(HOSTILE, "shoe")
    files = [(name, png(30 + number)) for number, name in enumerate(NAMES)]
    fields = {"sessionId": "texts", "autoAltText": "true"}
    client.compress([*files, ("no image.png", NO_IMAGE)], fields)
    page = open_page(client.key, fragment="#session=texts")
    expect(page.locator("#rows li")).to_have_count(len(NAMES) + 1)
    answer = client.call("GET", "/api/sessions/texts/archive")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        manifest = archive.read("manifest.csv").decode()
    # Of a failed image, the API does not say the size.
    size = f",{len(NO_IMAGE)},,,,,unsupported_image"
    assert page.evaluate(CSV) == manifest.replace(size, ",,,,,,unsupported_image")


def test_edited_texts_and_files_that_were_not_sent_are_in_it(page: Page) -> None:
    rows = page.evaluate(
        """async () => {
          const { csvOf } = await import("/page/files/csv.js");
          const image = {
            id: "1", path: null, original_name: "a.png", file_name: "a.webp", format: "webp",
            width: 3, height: 2, original_size: 100, compressed_size: 130, saved_percent: -30,
            alt_text: "old",
          };
          const entry = { path: "shoes/b.txt", file: { size: 7 } };
          return csvOf([
            { image, editedAltText: "=new\\r\\nline", warnings: [] },
            { error: { error: "unsupported_image", message: "is no image" }, entry, warnings: [] },
          ]);
        }"""
    )
    image, unsent = csv.DictReader(io.StringIO(rows.removeprefix("\ufeff"), newline=""))
    assert image["alt_text"] == "'=new\r\nline"
    assert image["saved_percent"] == "-30.0"
    assert (unsent["old_path"], unsent["original_size"]) == ("shoes/b.txt", "7")
    assert (unsent["error"], unsent["message"]) == ("unsupported_image", "is no image")
