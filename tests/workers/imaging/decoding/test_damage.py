"""A damaged file of any type is a corrupt image, wherever the damage is."""

import contextlib
import struct
import zlib

import pytest
from PIL import Image

from shared.errors import CorruptImageError, TooManyPixelsError, UnsupportedImageError
from tests.workers.imaging.making import noise, result, run, saved, with_exif
from workers.imaging.formats.probe import check_limits, probe


def tiff_with_its_directory_first(photo: Image.Image) -> bytes:
    """One deflated strip behind the directory; Pillow itself writes the directory last."""
    strip = zlib.compress(photo.tobytes())
    width, height = photo.size
    at = 8 + 2 + 9 * 12 + 4
    entries = [
        (256, width), (257, height), (258, 8), (259, 8), (262, 2),
        (273, at), (277, 3), (278, height), (279, len(strip)),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + strip


PHOTO, FLAT = noise(), noise().quantize(64)
FILES = {
    "jpeg": saved(PHOTO, "JPEG"),
    "progressive jpeg": saved(PHOTO, "JPEG", progressive=True),
    "png": saved(PHOTO, "PNG"),
    "palette png": saved(FLAT, "PNG"),
    "webp": saved(PHOTO, "WEBP"),
    "lossless webp": saved(PHOTO, "WEBP", lossless=True),
    "avif": saved(PHOTO, "AVIF"),
    "heic": saved(PHOTO, "HEIF"),
    "heic with alpha": saved(PHOTO.convert("RGBA"), "HEIF"),
    "heic of tiles": saved(PHOTO, "HEIF", tile_size=64, exif=with_exif(6)),
    "gif": saved(FLAT, "GIF"),
    "tiff": saved(PHOTO, "TIFF"),
    "tiff with its directory first": tiff_with_its_directory_first(PHOTO),
    "lzw tiff": saved(PHOTO, "TIFF", compression="tiff_lzw"),
    "deflate tiff": saved(PHOTO, "TIFF", compression="tiff_adobe_deflate"),
    "jpeg tiff": saved(PHOTO, "TIFF", compression="jpeg"),
    "bmp": saved(PHOTO, "BMP"),
    "palette bmp": saved(FLAT, "BMP"),
}
# Bytes at the end that a file may lack: JPEG's EOI, and PNG's IEND with the checksums before it.
# Types that are not named decode without more.
SPARE = {"jpeg": 2, "png": 20, "webp": 0, "avif": 0, "heic": 0, "tiff": 0}


def decodes(data: bytes) -> bool:
    try:
        run(data)
    except CorruptImageError:
        return False
    return True


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_decodes_and_one_cut_short_is_corrupt(name: str) -> None:
    data = FILES[name]
    assert sorted(result(data).size) == [64, 96]
    cuts = [max(24, int(len(data) * keep)) for keep in (0.02, 0.3, 0.5, 0.9, 0.98)]
    if name in SPARE:
        cuts += [len(data) - SPARE[name] - lost for lost in (1, 2, 5, 12, 20)]
    assert [cut for cut in cuts if decodes(data[:cut])] == []


# Bytes at the front, where the boxes are: each of them may lead to an error of its own.
BOXES_END = {"avif": 512, "heic": 512, "heic with alpha": 512, "heic of tiles": 512}


def overwrite(name: str, head: int, places: int) -> None:
    """Processes the file with bytes overwritten, each time in another place.

    head: how many of its first bytes are overwritten closely; places: in the whole of the file.
    """
    data = FILES[name]
    spread = range(20, len(data), max(1, len(data) // places))
    for start, count in [*((at, 4) for at in range(8, head, 7)), *((at, 16) for at in spread)]:
        broken = data[:start] + b"\xa5" * count + data[start + count :]
        with contextlib.suppress(CorruptImageError, UnsupportedImageError, TooManyPixelsError):
            check_limits(probe(broken), max_pixels=1_000_000, max_frames=100)
            run(broken, max_width=32)


@pytest.mark.parametrize("name", FILES)
def test_bytes_overwritten_raise_only_image_errors(name: str) -> None:
    overwrite(name, BOXES_END.get(name, 0), 8)


@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
def test_bytes_overwritten_in_many_places_raise_only_image_errors(name: str) -> None:
    overwrite(name, 1_200, 150)


def test_the_message_of_damage_names_the_type_and_nothing_inside() -> None:
    with pytest.raises(CorruptImageError) as caught:
        run(FILES["webp"][:-9])
    assert caught.value.message == "This WebP image is damaged or cut short"
