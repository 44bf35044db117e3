"""What a person drops, picks and pastes, as entries."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.page.doing import drop_at
from tests.page.modules import blank, picked

__all__ = ["blank"]  # a fixture

_LISTING = "await import('/page/files/listing.js')"
# `window.listing` is what the next drop or paste was made of.
_LISTEN = """async () => {
  const { listingOfDrop, listingOfPaste } = %s;
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const folder = event.dataTransfer.items[0].webkitGetAsEntry();
    window.readers = folder.isDirectory && Object.getPrototypeOf(folder.createReader());
    window.listing = listingOfDrop(event.dataTransfer);
  });
  document.addEventListener("paste", (event) => {
    window.listing = listingOfPaste(event.clipboardData);
  });
}"""
_ALL = """async (listing) => {
  const all = [];
  for await (const entry of listing ?? window.listing) {
    all.push({ ...entry, file: entry.file.name, size: entry.file.size });
  }
  return all.sort((a, b) => (a.path < b.path ? -1 : 1));
}"""


@pytest.fixture(autouse=True)
def listening(blank: Page) -> None:
    blank.evaluate(_LISTEN % _LISTING)


def _tree(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())


def _dropped(page: Page, *paths: Path) -> list[str]:
    drop_at(page, *paths, at=(50, 50))
    return [entry["path"] for entry in page.evaluate(_ALL)]


def test_a_drop_of_files_and_folders_is_listed_with_its_folders(
    blank: Page, tmp_path: Path
) -> None:
    _tree(tmp_path, "one.jpg", "two.png", "shoes/red/1.jpg", "shoes/1.jpg", "hats/写真 'é\".jpg")
    found = _dropped(blank, *(tmp_path / name for name in ("one.jpg", "two.png", "shoes", "hats")))
    assert found == ["hats/写真 'é\".jpg", "one.jpg", "shoes/1.jpg", "shoes/red/1.jpg", "two.png"]


def test_hidden_files_of_folders_are_left_out(blank: Page, tmp_path: Path) -> None:
    junk = [".DS_Store", "Thumbs.db", "a/desktop.ini", ".git/x.png", "a/._1.jpg", "a/.b/c/1.jpg"]
    _tree(tmp_path / "shoes", "a/1.jpg", *junk)
    _tree(tmp_path, ".of-my-own.jpg", ".my-folder/1.jpg")
    found = _dropped(
        blank, *(tmp_path / name for name in ("shoes", ".of-my-own.jpg", ".my-folder"))
    )
    assert found == [".my-folder/1.jpg", ".of-my-own.jpg", "shoes/a/1.jpg"]


def test_a_folder_with_hundreds_of_files_is_listed_whole(blank: Page, tmp_path: Path) -> None:
    _tree(tmp_path, *(f"many/{n % 3}/{n}.jpg" for n in range(650)))
    assert len(set(_dropped(blank, tmp_path / "many"))) == 650


def test_the_first_entries_come_before_the_folder_is_read(blank: Page, tmp_path: Path) -> None:
    _tree(tmp_path, *(f"many/{n}.jpg" for n in range(350)))
    drop_at(blank, tmp_path / "many", at=(50, 50))
    calls = blank.evaluate(
        """async () => {
          let calls = 0;
          const { readEntries } = window.readers;
          window.readers.readEntries = function (...all) {
            calls += 1;
            return readEntries.apply(this, all);
          };
          await window.listing.next();
          return calls;
        }"""
    )
    assert calls == 1


def test_a_folder_that_links_to_itself_ends(blank: Page, tmp_path: Path) -> None:
    _tree(tmp_path, "loop/1.jpg")
    os.symlink(tmp_path / "loop", tmp_path / "loop/again")
    assert "loop/1.jpg" in _dropped(blank, tmp_path / "loop")


def test_a_folder_that_vanished_is_listed_as_unreadable(blank: Page, tmp_path: Path) -> None:
    _tree(tmp_path, "gone/1.jpg", "here/1.jpg")
    drop_at(blank, tmp_path / "gone", tmp_path / "here", at=(50, 50))
    shutil.rmtree(tmp_path / "gone")
    gone, here = blank.evaluate(_ALL)
    assert (gone["path"], gone.get("unreadable")) == ("gone", True)
    assert (here["path"], here.get("unreadable")) == ("here/1.jpg", None)


def test_a_picked_folder_is_listed_with_its_name(blank: Page, tmp_path: Path) -> None:
    _tree(tmp_path / "shoes", "1.jpg", "red/1.jpg", ".DS_Store", ".git/1.jpg")
    files = picked(blank, [tmp_path / "shoes"], folder=True)
    listing = f"async (files) => ({_LISTING}).listingOfFiles(files)"
    found = blank.evaluate(_ALL, blank.evaluate_handle(listing, files))
    assert [entry["path"] for entry in found] == ["shoes/1.jpg", "shoes/red/1.jpg"]


def test_a_pasted_screenshot_is_named_by_its_time(blank: Page) -> None:
    blank.context.grant_permissions(["clipboard-read", "clipboard-write"])
    blank.evaluate(
        """async () => {
          const canvas = document.createElement("canvas");
          const png = await new Promise((done) => canvas.toBlob(done));
          await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }"""
    )
    blank.keyboard.press("Control+V")
    [entry] = blank.evaluate(_ALL)
    day = blank.evaluate("new Date().toLocaleDateString('sv')")
    assert entry["file"].startswith(f"pasted {day} ")
    assert entry["file"].endswith(".png")
    assert entry["size"] > 0


def test_pasted_files_keep_their_names(blank: Page) -> None:
    blank.evaluate(
        """() => {
          const clipboardData = new DataTransfer();
          const old = { lastModified: Date.now() - 3600e3 };
          for (const name of ["b.jpg", "a.jpg", "image.png"]) {
            clipboardData.items.add(new File(["x"], name, old));
          }
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }"""
    )
    found = blank.evaluate(_ALL)
    assert [entry["file"] for entry in found] == ["a.jpg", "b.jpg", "image.png"]
