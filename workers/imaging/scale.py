"""One quality for all formats: the same number, about the same look."""

from bisect import bisect_right
from typing import Literal

# WebP's scale is ours, being the default format. Beside it, each other encoder's number of the
# same SSIMULACRA2 score (mean of six photographs at 1024 pixels, interpolated). WebP, at half
# the resolution in colour, ends at a score of 88; at 100 JPEG goes on to the 96 that it can.
_TABLES: dict[str, tuple[tuple[int, int], ...]] = {
    "jpeg": ((40, 42), (60, 57), (75, 69), (82, 77), (90, 86)),
    "jpeg444": ((90, 82), (95, 87), (100, 100)),
    "avif": ((40, 40), (60, 47), (75, 53), (82, 61), (90, 74), (95, 86), (100, 95)),
}


def on_scale(quality: int, encoder: Literal["jpeg", "jpeg444", "avif"]) -> int:
    """Our quality, 40 to 100, as the encoder's own; straight lines between measured points."""
    table = _TABLES[encoder]
    upper = min(bisect_right([ours for ours, _ in table], quality), len(table) - 1)
    (low, low_theirs), (high, high_theirs) = table[upper - 1], table[upper]
    return round(low_theirs + (quality - low) * (high_theirs - low_theirs) / (high - low))
