"""One quality for all encoders: the same number, the same look."""

from typing import Literal

from workers.imaging.encoding.quality_table import NUMBERS

Scale = Literal[
    "webp",
    "jpegli",
    "jpeg444",
    "avif",
    "avif_smooth",
    "avif_fast",
    "avif_fast_smooth",
    "avif_small",
    "avif_small_smooth",
    "avif420",
]

_FIRST = 40  # the lowest quality there is
_END = 100  # of every encoder's own scale


def on_scale(quality: int, scale: Scale) -> float:
    """Our quality, 40 to 100, as an encoder's own number.

    Quality q is the mean SSIMULACRA2 that libjpeg-turbo at q and 4:2:0 has over many pictures;
    docs/quality.md tells how the table was made. Past an encoder's ceiling its highest number.
    """
    return NUMBERS[scale][quality - _FIRST]


def ceiling(scale: Scale) -> int:
    """The highest quality whose look the encoder reaches."""
    return _FIRST - 1 + sum(number < _END for number in NUMBERS[scale])
