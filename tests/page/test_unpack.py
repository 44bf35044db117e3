"""Unpacking an archive into a folder: whole files, safe names, whatever comes."""

import io
import random
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import Page
from zipstream import ZipStream

from tests.page.saving import picked, put_into_picked

CONTENT = {
    "a.webp": b"one",
    "shoes/red/1.jpg": b"PK\x07\x08" * 5,
    "shoes/läufer 走.png": random.Random(1).randbytes(200_000),
    "shoes/red/PK.avif": b"P" * 30 + b"PK\x07" + b"PK\x07\x08\x01\0\0\0\x21\0\0\0\x21\0\0\0" + b"P",
}
UNSAFE = (
    *("../a.png", "b/../../a.png", "/a.png", "b//a.png", "b/./a.png", "b\\a.png", "C:a.png"),
    *("b./a.png", "b /a.png", "con.png", "b/LPT1.x.png", "nul/a.png", "a\x01.png", "a?.png"),
    *("a.html", "a.png.exe", "a.png ", ".png/", "a.lnk", "manifest.js", "b/manifest.csv"),
)
UNPACK = """
async ([base64, chunkBytes, options, isCut]) => {
  const { unpack } = await import("/page/files/unpack.js");
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  let at = 0;
  const stream = new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += chunkBytes)));
      else if (isCut) controller.error(new TypeError("network error"));
      else controller.close();
    },
  });
  const root = await navigator.storage.getDirectory();
  if (options.anew) await root.removeEntry("picked", { recursive: true }).catch(() => null);
  const folder = await root.getDirectoryHandle("picked", { create: true });
  const told = [];
  try {
    await unpack(stream, folder, (path) => told.push(path), options);
    return [told, null];
  } catch (error) {
    return [told, error.name];
  }
}
"""


def archive(files: dict[str, bytes], size: int | None = None) -> bytes:
    """A ZIP as the service makes it; size: what is said of each file beforehand."""
    made = ZipStream()
    for path, content in files.items():
        made.add(pieces(content), path, size=len(content) if size is None else size)
    return b"".join(made)


def pieces(content: bytes) -> Iterator[bytes]:
    """The content as a stream, which is never empty."""
    yield content


def unpack(
    page: Page, data: bytes, chunk_bytes: int = 65536, *, is_cut: bool = False, **options: bool
) -> tuple[list[str], str | None]:
    """Unpacks into the picked folder: the paths that were told, and the error's name."""
    sent = [b64encode(data).decode(), chunk_bytes, options, is_cut]
    told, error = page.evaluate(UNPACK, sent)
    return told, error


def test_files_come_out_as_they_went_in(page: Page) -> None:
    for chunk_bytes in (7, 4096, 10_000_000):
        assert unpack(page, archive(CONTENT), chunk_bytes, anew=True) == (list(CONTENT), None)
        assert picked(page) == CONTENT


def test_files_with_sizes_of_zip64_come_out_as_they_went_in(page: Page) -> None:
    assert unpack(page, archive(CONTENT, size=2**33), 1000) == (list(CONTENT), None)
    assert picked(page) == CONTENT


def test_an_archive_in_an_archive_is_one_file(page: Page) -> None:
    files = {"a.png": archive({"inner.png": b"inner"}), "b.png": b"b"}
    assert unpack(page, archive(files))[1] is None
    assert picked(page) == files


def test_the_manifest_stays_in_the_archive(page: Page) -> None:
    files = CONTENT | {"manifest.json": b"{}", "manifest.csv": b"a"}
    assert unpack(page, archive(files)) == (list(CONTENT), None)
    assert picked(page) == CONTENT


def test_a_cut_stream_leaves_whole_files_alone(page: Page) -> None:
    files = {"a.png": b"one" * 10, "b/c.png": b"two" * 10}
    data = archive(files)
    directory = data.index(b"PK\x01\x02") + 4  # then all files are there
    for length in range(0, len(data), 3):
        is_cut = length % 2 == 0
        told, error = unpack(page, data[:length], is_cut=is_cut, anew=True)
        assert error == ("CutError" if is_cut or length < directory else None)
        assert picked(page) == {path: files[path] for path in told}


def test_an_unsafe_name_is_refused(page: Page, subtests: pytest.Subtests) -> None:
    for path in UNSAFE:
        with subtests.test(path):
            script = "async (path) => (await import('/page/files/unpack.js')).isSafe(path)"
            assert page.evaluate(script, path) is False


def test_nothing_of_a_file_with_an_unsafe_name_is_written(page: Page) -> None:
    files = {"good.png": b"1", "../bad.png": b"2", "after.png": b"3"}
    assert unpack(page, archive(files)) == (["good.png"], "DamagedError")
    assert picked(page) == {"good.png": b"1"}


def damaged() -> Iterable[bytes]:
    """Streams that are no archive of the service."""
    good = archive({"a.png": b"one" * 10, "b.png": b"two"})
    yield b"<html>502 Bad Gateway</html>" * 10
    yield good.replace(b"oneone", b"onEone")  # its checksum never fits
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # sizes first, or packed
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as other:
            other.writestr("a.png", "a" * 50)
        yield file.getvalue()
    yield good.replace(b"a.png", b"\xff.png", 1)


def test_what_is_no_archive_of_the_service_leaves_nothing(page: Page) -> None:
    for data in damaged():
        told, error = unpack(page, data)
        assert (told, picked(page)) == ([], {})
        assert error in ("DamagedError", "CutError")


def test_a_second_time_leaves_what_is_there(page: Page) -> None:
    unpack(page, archive(CONTENT))
    assert unpack(page, archive(CONTENT)) == (list(CONTENT), None)
    assert unpack(page, archive(CONTENT), replace=True) == (list(CONTENT), None)
    assert picked(page) == CONTENT


def test_a_file_of_other_content_stays_and_the_image_stands_beside_it(page: Page) -> None:
    put_into_picked(page, "a.png", b64encode(b"mine").decode())
    for _ in range(2):  # again makes no third one
        unpack(page, archive({"a.png": b"ours"}))
        assert picked(page) == {"a.png": b"mine", "a-2.png": b"ours"}


def test_a_file_of_other_content_is_replaced_where_asked_for(page: Page) -> None:
    put_into_picked(page, "b/a.png", b64encode(b"mine, longer").decode())
    unpack(page, archive({"b/a.png": b"ours"}), replace=True)
    assert picked(page) == {"b/a.png": b"ours"}


def test_an_empty_file_is_what_a_crash_has_left_and_is_filled(page: Page) -> None:
    put_into_picked(page, "a.png", "")
    unpack(page, archive({"a.png": b"ours"}))
    assert picked(page) == {"a.png": b"ours"}


def test_a_folder_of_an_images_name_stays(page: Page) -> None:
    put_into_picked(page, "a.png/inner.txt", b64encode(b"mine").decode())
    for replace in (False, True):
        assert unpack(page, archive({"a.png": b"ours"}), replace=replace)[1] is None
        assert picked(page) == {"a.png/inner.txt": b"mine", "a-2.png": b"ours"}


def test_a_name_that_the_browser_refuses_is_written_in_another_way(page: Page) -> None:
    # Chromium does so on a disk of Windows, and not in the storage of a page.
    page.evaluate(
        """() => {
          const { prototype } = FileSystemDirectoryHandle;
          for (const method of ["getFileHandle", "getDirectoryHandle"]) {
            const real = prototype[method];
            prototype[method] = function (name, options) {
              if (name.includes("~")) throw new TypeError("Name is not allowed.");
              return real.call(this, name, options);
            };
          }
        }"""
    )
    for _ in range(2):
        assert unpack(page, archive({"b~1/läufer~1.png": b"ours"})) == (["b~1/läufer~1.png"], None)
        assert picked(page) == {"b_1/läufer_1.png": b"ours"}


def test_a_full_disk_leaves_no_half_file(page: Page) -> None:
    page.evaluate(
        """() => {
          const real = FileSystemWritableFileStream.prototype.write;
          FileSystemWritableFileStream.prototype.write = async function (content) {
            await real.call(this, content.slice(0, 2));
            throw new DOMException("The disk is full", "QuotaExceededError");
          };
        }"""
    )
    assert unpack(page, archive({"a.png": b"ours"})) == ([], "QuotaExceededError")
    assert picked(page) == {}
