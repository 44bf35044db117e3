"""What became of each image, and of all together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fluximage.answers import Notice
from fluximage.command.ledger import Result

Status = Literal["done", "kept", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """One image. kept: its original is as small as it gets; skipped: done by an earlier run."""

    status: Status
    source: str
    target: str | None = None
    result: Result | None = None
    code: str | None = None
    message: str | None = None
    warnings: tuple[Notice, ...] = ()

    def record(self) -> Mapping[str, Any]:
        """The line of --json; docs/command-line.schema.json describes it."""
        result = self.result
        return {
            "type": "image",
            "status": self.status,
            "source": self.source,
            "target": self.target,
            "format": result and result.format,
            "width": result and result.width,
            "height": result and result.height,
            "original_size": result and result.original_size,
            "compressed_size": result and result.compressed_size,
            "alt_text": result and result.alt_text,
            "code": self.code,
            "message": self.message,
            "warnings": [{"code": one.code, "message": one.message} for one in self.warnings],
        }


@dataclass
class Totals:
    """The sums of a run: images by status, and the bytes of those that it did."""

    expected: int = 0
    expected_bytes: int = 0
    done: int = 0
    kept: int = 0
    skipped: int = 0
    failed: int = 0
    original_bytes: int = 0
    compressed_bytes: int = 0
    no_smaller: int = 0
    ended_bytes: int = 0
    failures: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome, source_bytes: int) -> None:
        """Count one image, of `source_bytes`."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        if outcome.status != "skipped":
            self.ended_bytes += source_bytes
        if outcome.status == "failed":
            self.failures.append(outcome)
        elif outcome.status != "skipped" and (result := outcome.result):
            self.original_bytes += result.original_size
            self.compressed_bytes += result.compressed_size
            self.no_smaller += result.compressed_size >= result.original_size

    @property
    def ended(self) -> int:
        """Images of this run that have ended."""
        return self.done + self.kept + self.failed
