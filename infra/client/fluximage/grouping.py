"""How many images travel in one batch."""

from collections.abc import Sequence

from fluximage.sources import Source
from fluximage.upload import MAX_FILES

# A batch is to take about so long to upload: a broken line loses no more than that.
_BATCH_SECONDS = 20.0
_FIRST_BYTES = 20_000_000
_LEAST_BYTES = 1_000_000  # of a slow line that does not break
_MOST_BYTES = 100_000_000
_LEAST_GROWTH_BYTES = 16_384


class Pace:
    """The bytes of a batch: by how fast the last one went, and by what did not get through.

    After a break at most half of what was sent, then 1/16 more with each batch that gets through:
    a line that always cuts at the same place costs one attempt in about eleven.
    """

    def __init__(self) -> None:
        self._in_time = _FIRST_BYTES
        self._gets_through = _MOST_BYTES
        self.has_broken = False

    @property
    def batch_bytes(self) -> int:
        """What the next batch may have."""
        return min(self._in_time, self._gets_through)

    def sent(self, size: int, seconds: float) -> None:
        """A batch of so many bytes took so long."""
        in_time = int(size / max(seconds, 1e-3) * _BATCH_SECONDS)
        self._in_time = max(_LEAST_BYTES, min(_MOST_BYTES, in_time))
        if size > self._gets_through // 2:  # a small batch says nothing of larger ones
            growth = max(_LEAST_GROWTH_BYTES, self._gets_through // 16)
            self._gets_through = min(_MOST_BYTES, self._gets_through + growth)

    def broke(self, size: int) -> None:
        """A batch did not get through; the line took at most so many bytes of it."""
        self.has_broken = True
        self._gets_through = max(1, min(self._gets_through, size // 2))

    def fitting(self, sizes: Sequence[int]) -> int:
        """Returns how many of the first files to send of a batch that broke: 1 to half."""
        count, total = 0, 0
        for size in sizes[: max(1, len(sizes) // 2)]:
            total += size
            if total > self.batch_bytes:
                break
            count += 1
        return max(1, count)


class Group:
    """The sources of one batch: at most so many, and no more bytes, unless one alone has more."""

    def __init__(self, most_bytes: int, most_files: int = MAX_FILES) -> None:
        self.sources: list[Source] = []
        self._left_bytes = most_bytes
        self._most_files = min(MAX_FILES, most_files)

    def takes(self, size: int) -> bool:
        """Whether a source of so many bytes fits."""
        return not self.sources or size <= self._left_bytes

    def add(self, source: Source, size: int) -> None:
        """Takes one more source."""
        self.sources.append(source)
        self._left_bytes -= size

    @property
    def is_full(self) -> bool:
        """Whether the batch is to be sent."""
        return len(self.sources) >= self._most_files or self._left_bytes <= 0
