"""What tests of saving need: files as dropped, and a folder that a person has picked."""

from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page, expect

# The browser's own dialog cannot be clicked by a test. Its folder is one of the page's own storage.
PICK = """
window.showDirectoryPicker = async () => {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("picked", { create: true });
};
"""
_READ = """
async () => {
  const root = await navigator.storage.getDirectory();
  const picked = await root.getDirectoryHandle("picked", { create: true });
  const found = {};
  async function read(folder, above) {
    for await (const [name, handle] of folder.entries()) {
      if (handle.kind === "directory") { await read(handle, `${above}${name}/`); continue; }
      const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
      found[above + name] = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }
  }
  await read(picked, "");
  return found;
}
"""
_WRITE = """
async ([path, base64]) => {
  let folder = await navigator.storage.getDirectory();
  const names = ["picked", ...path.split("/")];
  const name = names.pop();
  for (const outer of names) folder = await folder.getDirectoryHandle(outer, { create: true });
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await writable.write(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  await writable.close();
}
"""


def picked(page: Page) -> dict[str, bytes]:
    """The files of the picked folder, by their paths in it."""
    return {path: b64decode(text) for path, text in page.evaluate(_READ).items()}


def put_into_picked(page: Page, path: str, content: str) -> None:
    """Writes a file, of base64, into the picked folder."""
    page.evaluate(_WRITE, [path, content])


def write_tree(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files, by their paths, below the folder; returns it."""
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def choose_folder(page: Page, folder: Path) -> None:
    """Chooses a folder, as a person does by the button."""
    page.locator("input[webkitdirectory]").set_input_files(folder)


def choose_files(page: Page, *files: Path) -> None:
    """Chooses files, as a person does by the button."""
    page.locator("input[type=file][multiple]").set_input_files(files)


def await_done(page: Page, images: int, seconds: float = 60) -> None:
    """Waits until so many images are listed and none is on its way."""
    expect(page.locator("#rows li.done")).to_have_count(images, timeout=seconds * 1000)
    expect(page.get_by_role("button", name="Start over")).to_be_visible(timeout=seconds * 1000)
