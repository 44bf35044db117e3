"""`make fuzz SECONDS=300 SEED=1`: small files broken at random, through the whole engine.

Each goes through probe, limits and every step of an image in a process that may crash, hang or
swell. What ends in anything but a refusal that the contract knows, or a clean file within the
bounds, is a finding: it is kept under .fuzz, with the seed in its name.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from shared.imagetype import OUTPUT_TYPES
from shared.models import Options
from tests.hostile.clean import faults
from tests.hostile.judge import Judge, Limits
from tests.hostile.mutate import broken
from tests.support.tiffs import ALPHA, CMYK, DEFLATE, LZW, Page, tiff
from tests.workers.imaging.making import noise, saved, with_exif
from tests.workers.imaging.moving import flat, moving
from tests.workers.imaging.planting import FILES, SRGB, interlaced, soft

FOLDER = Path(".fuzz")

# So low that what is legal costs little: what costs much then is a fault.
LIMITS = Limits(pixels=1_000_000, frames=40, animation_pixels=1_000_000)

_QUALITIES = (40, 82, 97, 100)
_WIDTHS = (None, None, 16, 65_535)


def files() -> list[bytes]:
    """Small files of every type that is read, and of every layout that has code of its own."""
    small, few = soft(32, 24), soft(32, 24).quantize(16)
    made = [
        saved(small, "JPEG", exif=with_exif(6, gps=True)),
        saved(small, "JPEG", progressive=True, icc_profile=SRGB),
        saved(small.convert("CMYK"), "JPEG"),
        saved(few, "PNG", transparency=3),
        interlaced(small),
        saved(few, "GIF"),
        moving("GIF", flat((16, 12))),
        moving("WEBP", flat((16, 12))),
        saved(small, "HEIF"),
        saved(noise(96, 72), "HEIF", tile_size=64, exif=with_exif(6)),
        saved(small, "AVIF", save_all=True, append_images=[small, small]),
        saved(small, "TIFF"),
        saved(few, "TIFF", compression="tiff_lzw"),
        saved(small, "TIFF", compression="jpeg", exif=with_exif(6)),
        saved(small.convert("1"), "TIFF", compression="group4"),
        saved(small, "TIFF", compression="tiff_adobe_deflate", big_tiff=True, icc_profile=SRGB),
        *assembled(small),
        saved(small, "BMP"),
        saved(few, "BMP"),
    ]
    return made + [data for _, data in FILES.values() if len(data) < 20_000]


def assembled(image: Image.Image) -> list[bytes]:
    """TIFFs of layouts that Pillow has no mode for."""
    rgba = np.asarray(image.convert("RGBA"))
    floating = Page((rgba[..., :3] / 255).astype("f4"), compression=DEFLATE, predictor=3)
    wide = Page(rgba.astype("u2") * 257, CMYK, (ALPHA,), compression=LZW, predictor=2, planar=True)
    inks = replace(wide, samples=np.repeat(wide.samples, 2, -1)[..., :5])
    bits = Page(rgba[..., :3].astype("u2"), bits=12, tile=(16, 16))
    return [tiff(floating), tiff(inks, order=">", big=True), tiff(bits)]


@dataclass(frozen=True)
class Finding:
    """An upload that did not end well, and with which options."""

    number: int
    data: bytes
    options: Options
    faults: list[str]

    def keep(self, folder: Path, seed: int) -> Path:
        """Writes the upload into the folder; its name tells seed, number and options."""
        folder.mkdir(exist_ok=True)
        to = f"{self.options.format}-{self.options.quality}-{self.options.max_width}"
        path = folder / f"{seed}-{self.number}-{to}"
        path.write_bytes(self.data)
        return path


def fuzz(seed: int, seconds: float, most: int = -1) -> Iterator[Finding | int]:
    """Findings as they come, and at the end how many uploads were tried.

    most: uploads after which it ends before its time; the same of a seed are the same.
    """
    random, seeds = Random(seed), files()
    ends = time.monotonic() + seconds
    number = 0
    with Judge(LIMITS) as judge:
        while time.monotonic() < ends and number != most:
            number += 1
            data = broken(random, seeds)
            options = Options(
                format=random.choice(list(OUTPUT_TYPES)),
                quality=random.choice(_QUALITIES),
                max_width=random.choice(_WIDTHS),
            )
            found = faults(judge.judge(data, options), options.format)
            if found:
                yield Finding(number, data, options, found)
    yield number


def main() -> int:
    """The number of findings, at most 1, for the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    count = 0
    for found in fuzz(arguments.seed, arguments.seconds):
        if isinstance(found, int):
            print(f"seed {arguments.seed}: {found} uploads, {count} findings")  # noqa: T201
        else:
            count += 1
            path = found.keep(FOLDER, arguments.seed)
            print(path, *found.faults, sep="\n  ")  # noqa: T201
    return min(count, 1)


if __name__ == "__main__":
    raise SystemExit(main())
