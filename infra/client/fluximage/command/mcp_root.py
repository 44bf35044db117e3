"""The one folder in which an agent may name files."""

import os
from pathlib import Path

from fluximage.command.exits import CommandError, Exit


class Root:
    """Judges paths, each by where its links lead."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def inside(self, text: str | Path) -> Path:
        """The path without links, from the root if it is relative; raises CommandError outside."""
        try:
            found = Path(os.path.realpath(self.path / text))
        except (OSError, ValueError):  # a NUL, or a circle of links
            found = Path()
        if not found.is_absolute() or not found.is_relative_to(self.path):
            raise CommandError(
                f"{str(text)!r} is outside of {self.path}, the only folder that is open here.",
                Exit.USAGE,
            )
        return found

    def existing(self, text: str) -> Path:
        """As `inside`; raises CommandError too where nothing is there."""
        found = self.inside(text)
        if not found.exists():
            raise CommandError(f"{text!r} does not exist in {self.path}.", Exit.USAGE)
        return found

    def name(self, path: str | Path) -> str:
        """The path from the root, for the agent."""
        return os.path.relpath(os.path.join(self.path, path), self.path)
