"""Small pictures of what the browser already has."""

from base64 import b64encode

from PIL import Image
from playwright.sync_api import Page

from shared.imagetype import ImageType
from tests.page.modules import blank
from tests.workers.imaging.making import saved
from tests.workers.imaging.test_every_type import sample

__all__ = ["blank"]  # a fixture

_THUMBNAILS = """async (files) => {
  const { thumbnail } = await import("/page/files/thumbnails.js");
  const entries = files.map((text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return { file: new File([bytes], "a"), path: "a" };
  });
  const urls = await Promise.all(entries.map(thumbnail));
  const again = await Promise.all(entries.map(thumbnail));
  if (urls.some((url, at) => url !== again[at])) throw new Error("made twice");
  return Promise.all(urls.map(async (url) => {
    if (url === null) return null;
    const bitmap = await createImageBitmap(await (await fetch(url)).blob());
    return [bitmap.width, bitmap.height];
  }));
}"""


def _sizes(page: Page, *files: bytes) -> list[list[int] | None]:
    found: list[list[int] | None] = page.evaluate(
        _THUMBNAILS, [b64encode(data).decode() for data in files]
    )
    return found


def test_thumbnails_keep_the_shape_and_are_small(blank: Page) -> None:
    shapes = [(600, 400), (400, 600), (3000, 3), (20, 10)]
    files = [saved(Image.new("RGB", shape), "PNG") for shape in shapes]
    assert _sizes(blank, *files) == [[96, 64], [64, 96], [96, 1], [20, 10]]


def test_a_thumbnail_stands_upright_as_its_camera_says(blank: Page) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    assert _sizes(blank, saved(Image.new("RGB", (600, 400)), "JPEG", exif=exif)) == [[64, 96]]


def test_what_the_browser_cannot_decode_has_no_thumbnail(blank: Page) -> None:
    jpeg = sample(ImageType.JPG)
    files = [b"", b"text", sample(ImageType.HEIC), sample(ImageType.TIFF), jpeg[:30], jpeg]
    assert _sizes(blank, *files) == [None, None, None, None, None, [96, 64]]
