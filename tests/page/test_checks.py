"""What is refused before it is sent, and that the service would refuse the same."""

import random
from base64 import b64encode
from pathlib import Path
from unicodedata import normalize

from playwright.sync_api import Page

from shared.imagetype import _BMP_HEADERS, _HEIC_BRANDS, TIFF_SIGNATURES, ImageType, type_of
from shared.png_chunks import SIGNATURE
from tests.page.modules import blank, picked
from tests.workers.imaging.test_every_type import sample

__all__ = ["blank"]  # a fixture

_TYPES = """async (files) => {
  const { typeOf } = await import("/page/files/checks.js");
  return files.map((text) => typeOf(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));
}"""
_REFUSALS = """async (entries) => {
  const { refusal } = await import("/page/files/checks.js");
  const all = [];
  for (const { name, bytes, size, path = name } of entries) {
    const file = new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)),
                           new Uint8Array(size)], name);
    all.push(await refusal({ file, path }));
  }
  return all;
}"""
_REFUSAL_OF = """async (files) => {
  const { refusal } = await import("/page/files/checks.js");
  return refusal({ file: files[0], path: files[0].name });
}"""


def _compare(page: Page, files: list[bytes]) -> None:
    found = page.evaluate(_TYPES, [b64encode(data[:1024]).decode() for data in files])
    expected = [kind and kind.value for kind in map(type_of, files)]
    wrong = [
        (data[:32], mine, theirs)
        for data, mine, theirs in zip(files, found, expected, strict=True)
        if mine != theirs
    ]
    assert not wrong


def _refused(page: Page, name: str, data: bytes = b"", size: int = 0, path: str = "") -> str | None:
    """The message on a file of those bytes and `size` zeros."""
    entry = {"name": name, "bytes": b64encode(data).decode(), "size": size, "path": path or name}
    [found] = page.evaluate(_REFUSALS, [entry])
    return str(found["message"]) if found else None


def test_each_type_is_told_as_the_service_tells_it(blank: Page) -> None:
    files = [sample(kind) for kind in ImageType]
    assert [type_of(data) for data in files] == list(ImageType)
    _compare(blank, files + [data[:length] for data in files for length in (*range(40), 300)])


def test_any_beginning_is_told_as_the_service_tells_it(blank: Page) -> None:
    chance = random.Random(13)  # the same files at every run
    brands = [*_HEIC_BRANDS, b"avif", b"avis", b"mif1", b"msf1", b"miaf", b"crx ", b"\0\0\0\0"]
    signatures = [*TIFF_SIGNATURES, SIGNATURE, b"\xff\xd8\xff", b"GIF87a", b"GIF88a", b"RIFF"]

    def begun() -> bytes:
        return chance.choice([*signatures, b"BM"])[: chance.randint(1, 9)] + chance.randbytes(40)

    def brand_box() -> bytes:
        length = chance.choice([0, 8, 12, 16, 20, 24, 25, 300, 2**32 - 1])
        count = chance.choice([1, 2, 3, 5, 80])
        return length.to_bytes(4) + b"ftyp" + b"".join(chance.choices(brands, k=count))

    riffs = [b"RIFF" + chance.randbytes(4) + word for word in (b"WEBP", b"WAVE", b"AVI ")]
    sizes = [*_BMP_HEADERS, 13, 14, 15, 68, 128, 2**31]
    bmps = [b"BM" + bytes(12) + length.to_bytes(4, "little") for length in sizes]
    _compare(blank, [make() for _ in range(1500) for make in (begun, brand_box)] + riffs + bmps)


def test_images_are_not_refused(blank: Page) -> None:
    for kind in ImageType:
        assert _refused(blank, "a.bin", sample(kind)) is None


def test_the_largest_file_is_taken_and_a_byte_more_is_refused(blank: Page) -> None:
    png, most = sample(ImageType.PNG), 20 * 1024 * 1024
    assert _refused(blank, "a.png", png, most - len(png)) is None
    message = "a.png has 21 MB, and the most is 20 MB"
    assert _refused(blank, "a.png", png, most - len(png) + 1) == message


def test_what_is_no_image_is_refused_by_its_content_with_its_kind(blank: Page) -> None:
    no_image = "notes.jpg is not an image that this service reads"
    assert _refused(blank, "notes.jpg", b"Dear diary") == no_image
    assert _refused(blank, "a.jpg") == "a.jpg is empty"
    tiff = sample(ImageType.TIFF)
    kinds = {
        "a.svg": (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://', "an SVG drawing"),
        "a.pdf": (b"%PDF-1.7", "a PDF document"),
        "a.jpg": (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
        "a.psd": (b"8BPS\0\1", "a Photoshop or PostScript file"),
        "a.mp4": (b"\0\0\0\x18ftypmp42", "a video"),
        "a.zip": (b"PK\3\4", "an archive"),
        "a.CR3": (b"\0\0\0\x18ftypcrx \0\0\0\1", "a camera's raw file"),
        "a.NEF": (tiff, "a camera's raw file"),
    }
    for name, (data, kind) in kinds.items():
        message = f"{name} is {kind}, which this service does not read"
        assert _refused(blank, name, data) == message
    assert _refused(blank, "a.nef", sample(ImageType.JPG)) is None


def test_folders_that_the_service_refuses_are_refused(blank: Page) -> None:
    png = sample(ImageType.PNG)
    assert _refused(blank, "a.png", png, path=f"{'d/' * 10}a.png") is None
    assert "more than 10 folders" in str(_refused(blank, "a.png", png, path=f"{'d/' * 11}a.png"))
    written = "é" * 125 + "/" + "é" * 124  # 250, 1 and 248 bytes
    assert _refused(blank, "a.png", png, path=f"{written}/a.png") is None
    assert _refused(blank, "a.png", png, path=f"{written}x/a.png") is None
    assert "longer than 500" in str(_refused(blank, "a.png", png, path=f"{written}xy/a.png"))
    apart = normalize("NFD", written)  # as macOS writes it; the service joins the accents again
    assert len(apart.encode()) > 500
    assert _refused(blank, "a.png", png, path=f"{apart}/a.png") is None


def test_a_file_that_vanished_is_refused(blank: Page, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(sample(ImageType.PNG))
    files = picked(blank, [tmp_path / "a.png"])
    assert blank.evaluate(_REFUSAL_OF, files) is None
    (tmp_path / "a.png").unlink()
    assert blank.evaluate(_REFUSAL_OF, files)["message"] == "a.png cannot be read"
