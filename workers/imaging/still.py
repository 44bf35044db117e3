"""The road of a still picture, and of the first frame of what may not move."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from shared.models import Effort, Options, Probe
from workers.imaging.colour import to_plain, to_srgb
from workers.imaging.decode import decode
from workers.imaging.encode import encode
from workers.imaging.encoded import Encoded
from workers.imaging.orient import upright
from workers.imaging.original import candidate
from workers.imaging.resize import resize
from workers.imaging.watermark import lay

_Timed = Callable[[str], AbstractContextManager[None]]


def optimise(
    data: bytes,
    probe: Probe,
    options: Options,
    watermark: bytes | None,
    effort: Effort,
    timed: _Timed,
) -> tuple[Encoded, tuple[int, int]]:
    """The picture as a file, and its width and height in pixels.

    timed: notes what a step takes, by its name. Raises what `process` does.

    The scaling comes before the turning and the colours, so that these touch the small picture
    and not the large one. Of a large picture (50 megapixels are 200 MB in Pillow) nobody keeps
    a copy that the next step does not need.
    """
    with timed("decode"):
        source = decode(data, probe, options.max_width, options.max_height)
        original = candidate(data, source, probe, options)
    with timed("resize"):
        image = to_plain(source.take())
        image = resize(image, source, options.max_width, options.max_height)
        image = upright(image, source.orientation)
        plain = to_srgb(image)
        if plain is not image:
            original = None
        image = plain
        del plain
    with timed("watermark"):
        if watermark is not None and options.watermark is not None:
            image = lay(image, watermark, options.watermark)
            original = None
    size = image.size
    with timed("encode"):
        exact = original and original.deep()
        if exact:
            return exact, size
        new = encode(image, options.format, options.quality, effort)
        return (original.or_smaller(new) if original else new), size
