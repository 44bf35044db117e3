"""Maps our quality to each encoder's own, so that one number means one perceived quality."""

from typing import Literal

from shared.models import MIN_QUALITY
from workers.imaging.encoding.quality_table import ENCODER_QUALITY

# One encoder may have several curves: for some settings, or for some kinds of images.
QualityCurve = Literal[
    "webp",
    "jpegli",
    "jpeg444",
    "avif_fast_420",
    "avif_fast_420_smooth",
    "avif_fast_444",
    "avif_fast_444_smooth",
    "avif_420",
    "avif_420_smooth",
    "avif_444",
    "avif_444_smooth",
    "avif_small_420",
    "avif_small_420_smooth",
    "avif_small_444",
    "avif_small_444_smooth",
]

_MAX_ENCODER_QUALITY = 100  # of every encoder


def to_encoder_quality(quality: int, curve: QualityCurve) -> float:
    """Our quality, 40 to 100, as the encoder's own.

    Quality q stands for the mean SSIMULACRA2 score of libjpeg-turbo at q and 4:2:0 over many
    images; docs/quality.md says how the table was made. An encoder that cannot reach that score
    gets its highest quality.
    """
    return ENCODER_QUALITY[curve][quality - MIN_QUALITY]


def max_reachable_quality(curve: QualityCurve) -> int:
    """The highest of our qualities whose score the encoder reaches, up to 100."""
    reached = sum(value < _MAX_ENCODER_QUALITY for value in ENCODER_QUALITY[curve])
    return MIN_QUALITY - 1 + reached
