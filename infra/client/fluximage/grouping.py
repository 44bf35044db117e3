"""How many images travel in one batch."""

from fluximage.sources import Source
from fluximage.upload import MAX_FILES

# A batch is to take about so long to upload: a broken line loses no more than that.
_BATCH_SECONDS = 20.0
_FIRST_BYTES = 20_000_000
_LEAST_BYTES = 1_000_000
_MOST_BYTES = 100_000_000


class Pace:
    """The bytes of a batch, by how fast the last one went."""

    def __init__(self) -> None:
        self.batch_bytes = _FIRST_BYTES

    def sent(self, size: int, seconds: float) -> None:
        """A batch of so many bytes took so long."""
        in_time = int(size / max(seconds, 1e-3) * _BATCH_SECONDS)
        self.batch_bytes = max(_LEAST_BYTES, min(_MOST_BYTES, in_time))

    def broke(self) -> None:
        """A batch did not get through."""
        self.batch_bytes = max(_LEAST_BYTES, self.batch_bytes // 2)


class Group:
    """The sources of one batch: at most so many, and no more after so many bytes."""

    def __init__(self, most_bytes: int, most_files: int = MAX_FILES) -> None:
        self.sources: list[Source] = []
        self._left_bytes = most_bytes
        self._most_files = min(MAX_FILES, most_files)

    def add(self, source: Source, size: int = 0) -> None:
        """Takes one more source."""
        self.sources.append(source)
        self._left_bytes -= size

    @property
    def is_full(self) -> bool:
        """Whether the batch is to be sent."""
        return len(self.sources) >= self._most_files or self._left_bytes <= 0
