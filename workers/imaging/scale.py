"""One quality for all encoders: the same number, the same look."""

from typing import Literal

from workers.imaging.scale_table import CEILINGS, NUMBERS

Scale = Literal["webp", "jpegli", "jpeg444", "avif", "avif_fast", "avif_small", "avif420"]

_FIRST = 40  # the lowest quality there is


def on_scale(quality: int, scale: Scale) -> float:
    """Our quality, 40 to 100, as an encoder's own number.

    Quality q is the mean SSIMULACRA2 that libjpeg-turbo at q and 4:2:0 has over many pictures;
    docs/quality.md tells how the table was made. Past an encoder's ceiling its highest number.
    """
    return NUMBERS[scale][quality - _FIRST]


def ceiling(scale: Literal["webp", "jpegli"]) -> int:
    """The highest quality that the encoder's 4:2:0 reaches, or is worth its bytes at."""
    return CEILINGS[scale]
