"""Every sample cut at each percent of its length, in every format that is read."""

import pytest
from PIL import Image

from shared.imagetype import ImageType
from shared.models import Options
from tests.hostile.clean import faults
from tests.hostile.judge import Judge
from tests.support.paths import SAMPLES
from tests.workers.imaging.making import noise, saved, with_exif
from tests.workers.imaging.moving import flat, moving

_SIDE = 240  # pixels; the samples as they stand are cut at fewer places


def _small(kind: str, **options: object) -> bytes:
    """A sample photograph in a format, small enough to be tried a hundred times."""
    with Image.open(SAMPLES / "rocket.jpg") as image:
        image.thumbnail((_SIDE, _SIDE))
        plain = image.convert("RGB")
    picture = plain.quantize(64) if kind == "GIF" else plain
    return saved(picture, kind, **options)


FILES = {
    "jpeg": _small("JPEG", exif=with_exif(6, gps=True)),
    "progressive jpeg": _small("JPEG", progressive=True),
    "png": _small("PNG"),
    "webp": _small("WEBP", exif=with_exif(6)),
    "lossless webp": saved(noise(), "WEBP", lossless=True),
    "avif": _small("AVIF", speed=10),
    "heic": _small("HEIF"),
    "gif": _small("GIF"),
    "tiff": _small("TIFF", compression="tiff_adobe_deflate"),
    "raw tiff": saved(noise(), "TIFF"),
    "bmp": _small("BMP"),
    "gif film": moving("GIF", flat()),
    "webp film": moving("WEBP", flat()),
    "avif film": saved(flat()[0], "AVIF", save_all=True, append_images=flat()[1:]),
}


def test_a_file_cut_anywhere_is_corrupt_or_whole() -> None:
    with Judge() as judge:
        for name, data in FILES.items():
            for percent in (0, 1, 5, 50, 95, 99):
                verdict = judge.judge(data[: len(data) * percent // 100], Options(max_width=64))
                assert not faults(verdict, ImageType.WEBP), f"{name} at {percent} %"


@pytest.mark.full
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_at_each_percent_is_corrupt_or_whole(name: str) -> None:
    data = FILES[name]
    with Judge() as judge:
        for percent in range(100):
            verdict = judge.judge(data[: len(data) * percent // 100], Options(max_width=64))
            assert not faults(verdict, ImageType.WEBP), f"{percent} %"


@pytest.mark.full
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.[jp]*")), ids=lambda path: path.name)
def test_a_sample_cut_anywhere_is_corrupt(path: object) -> None:
    data = (SAMPLES / str(path)).read_bytes()
    with Judge() as judge:
        for percent in range(1, 100):
            cut = data[: len(data) * percent // 100]
            verdict = judge.judge(cut, Options(max_width=64))
            assert not faults(verdict, ImageType.WEBP), f"{percent} %"
            assert verdict.outcome in {"corrupt_image", "unsupported_image"}, f"{percent} %"
