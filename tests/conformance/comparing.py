"""How near a result must be, and by what it is held."""

import numpy as np

from shared.imagetype import OUTPUT_TYPES, ImageType
from tests.conformance.inputs import patches
from tests.conformance.reference import Values
from tests.workers.imaging.making import result

ALL = list(OUTPUT_TYPES)
WITH_ALPHA = [ImageType.WEBP, ImageType.AVIF, ImageType.PNG]

QUALITY = 90

# Of 255, for the mean of the middle of a flat patch. PNG: one rounding. The others: what their
# encoders were measured to add, and a half; WebP has 219 levels of luma and 224 of chroma to say
# 256 with (ITU-R BT.601, 2.5.3), AVIF and WebP have half the resolution in chroma.
TOLERANCE = {ImageType.PNG: 1.0, ImageType.JPG: 2.5, ImageType.AVIF: 5.0, ImageType.WEBP: 5.0}


def difference(one: Values, other: Values) -> float:
    """The largest distance of two sets of values."""
    assert one.shape == other.shape
    return float(np.abs(one - other).max())


def assert_seen(data: bytes, wanted: Values, to: ImageType = ImageType.PNG, add: float = 0) -> None:
    """The patches of the file's result are the wanted RGB within the format's tolerance."""
    seen = patches(result(data, to, quality=QUALITY))[: len(wanted)]
    assert difference(seen, wanted) <= TOLERANCE[to] + add
