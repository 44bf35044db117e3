"""The road of a still picture, and of the first frame of what may not move."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from shared.models import Effort, Options, Probe
from workers.imaging.colour.convert import to_plain, to_srgb
from workers.imaging.decoding.decode import decode
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.encoded import Finished
from workers.imaging.passthrough import candidate
from workers.imaging.preview import SIDE, preview
from workers.imaging.transform.orient import upright
from workers.imaging.transform.resize import resize
from workers.imaging.watermark import lay

_Timed = Callable[[str], AbstractContextManager[None]]


def optimise(
    data: bytes,
    probe: Probe,
    options: Options,
    watermark: bytes | None,
    effort: Effort,
    timed: _Timed,
) -> Finished:
    """The picture as a file, and its preview where a description is asked for.

    timed: notes what a step takes, by its name. Raises what `process` does.

    The scaling comes before the turning and the colours, so that these touch the small picture
    and not the large one. Of a large picture (50 megapixels are 200 MB in Pillow) nobody keeps
    a copy that the next step does not need.

    The preview is made before the scaling: a thumbnail has too few pixels for it. So it is for a
    larger result too, which could save 2 to 5 % of the CPU: scaled twice, letters blur.
    """
    with timed("decode"):
        least_side = SIDE if options.description_request else 1
        source = decode(data, probe, options.max_width, options.max_height, least_side)
        original = candidate(data, source, probe, options)
        image = to_plain(source.take())
    small = None
    if options.description_request:
        with timed("preview"):
            small = preview(image, source)
    with timed("resize"):
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
    width, height = image.size
    with timed("encode"):
        encoded = original and original.deep()
        if not encoded:
            new = encode(image, options.format, options.quality, effort)
            encoded = original.or_smaller(new) if original else new
    return Finished(encoded, width, height, small)
