"""One quality for all formats: the same number, about the same look."""

from bisect import bisect_right
from typing import Literal

# WebP's scale is ours, being the default format. Beside it, each other encoder's number of the
# same SSIMULACRA2 score (mean of six photographs at 1024 pixels, interpolated).
_TABLES: dict[str, tuple[tuple[int, int], ...]] = {
    "jpeg": ((40, 38), (60, 55), (75, 67), (82, 75), (90, 84), (100, 100)),
    "avif": ((40, 36), (60, 47), (75, 55), (82, 62), (90, 72), (100, 95)),
}


def on_scale(quality: int, encoder: Literal["jpeg", "avif"]) -> int:
    """Our quality, 40 to 100, as the encoder's own; straight lines between measured points."""
    table = _TABLES[encoder]
    upper = min(bisect_right([ours for ours, _ in table], quality), len(table) - 1)
    (low, low_theirs), (high, high_theirs) = table[upper - 1], table[upper]
    return round(low_theirs + (quality - low) * (high_theirs - low_theirs) / (high - low))
