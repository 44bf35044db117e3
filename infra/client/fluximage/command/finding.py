"""What the doctor found of one thing."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """A thing by its name, how it is, and what to do where it is wrong."""

    name: str
    status: Literal["ok", "wrong", "skipped"]
    message: str
    advice: str | None = None

    @classmethod
    def ok(cls, name: str, message: str) -> "Finding":
        """It works."""
        return cls(name, "ok", message)

    @classmethod
    def wrong(cls, name: str, message: str, advice: str) -> "Finding":
        """It does not."""
        return cls(name, "wrong", message, advice)
