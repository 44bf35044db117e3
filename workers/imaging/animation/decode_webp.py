"""Animated WebP to whole frames, by libwebp's own compositor."""

import io
from collections.abc import Iterator

from PIL import Image

from workers.imaging.animation.frames import Animation, Frame
from workers.imaging.formats.probe import Probe
from workers.imaging.transform.orient import orientation_of


def read(data: bytes, probe: Probe) -> Animation:
    """The animation in a whole WebP file.

    libwebp blends and disposes on a transparent canvas, as browsers do, and ignores the file's
    background colour. Raises ValueError if the file holds more than the probe found, and what
    Pillow raises if its chunks are not complete.
    """
    image = Image.open(io.BytesIO(data), formats=["WEBP"])
    count: int = getattr(image, "n_frames", 1)
    if image.width * image.height > probe.width * probe.height or count > probe.frames:
        raise ValueError("more than the header said")
    return Animation(
        width=image.width,
        height=image.height,
        plays=image.info["loop"],
        orientation=orientation_of(image),
        frames=_frames(image, count),
    )


def _frames(image: Image.Image, count: int) -> Iterator[Frame]:
    for index in range(count):
        image.seek(index)
        image.load()
        yield Frame(image.copy(), image.info["duration"])
