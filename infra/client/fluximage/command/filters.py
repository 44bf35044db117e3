"""Which files are taken: --include, --exclude and --newer-than."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Filters:
    """Globs over the path below the common folder, and the oldest time of change.

    A pattern without a slash is compared with names, any other with the whole path; `**` crosses
    folders. What stands in a folder that matches, matches too. Case makes no difference.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    newer_than: datetime | None = None

    def takes(self, path: PurePosixPath, modified: float) -> bool:
        """Whether the file at `path`, changed at `modified` (seconds since 1970), is taken."""
        if self.newer_than and modified < self.newer_than.timestamp():
            return False
        if self.include and not self.names(path):
            return False
        return not _matches_any(self.exclude, path)

    def names(self, path: PurePosixPath) -> bool:
        """Whether an --include matches `path`."""
        return _matches_any(self.include, path)

    def enters(self, folder: PurePosixPath) -> bool:
        """Whether something in `folder` may be taken."""
        return not _matches_any(self.exclude, folder)


def _matches_any(patterns: tuple[str, ...], path: PurePosixPath) -> bool:
    lines = [path, *path.parents][:-1]  # without "."
    return any(_matches(pattern, one) for pattern in patterns for one in lines)


def _matches(pattern: str, path: PurePosixPath) -> bool:
    pattern = pattern.rstrip("/").removeprefix("./")
    subject = path.as_posix() if "/" in pattern else path.name
    return re.fullmatch(_expression(pattern.lstrip("/")), subject, re.IGNORECASE) is not None


def _expression(pattern: str) -> str:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^\]]+\])", pattern)
    return "".join(map(_piece, pieces))


def _piece(piece: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if piece in known:
        return known[piece]
    if piece.startswith("[") and piece.endswith("]") and len(piece) > 2:
        inverse = piece.startswith("[!")
        inner = piece[2 if inverse else 1 : -1].replace("\\", r"\\").replace("[", r"\[")
        return f"[{'^' if inverse else ''}{inner.replace('^', chr(92) + '^')}]"
    return re.escape(piece)


class Pattern(click.ParamType[str]):
    """A glob."""

    name = "GLOB"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """`value`, if it can be used as a pattern."""
        try:
            re.compile(_expression(str(value)))
        except re.error as error:
            self.fail(
                f"{value!r} is not a pattern ({error}). Write '*.jpg' or 'shoes/**'.", param, ctx
            )
        if not str(value).strip("/"):
            self.fail("An empty pattern matches nothing. Write '*.jpg' or 'shoes/**'.", param, ctx)
        return str(value)


class Since(click.ParamType[datetime]):
    """An age (`2d`) or a date."""

    name = "AGE|DATE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment that is meant, in local time where no zone is said."""
        text = str(value).strip()
        try:
            if age := re.fullmatch(r"(\d{1,6})([mhdw])", text):
                return datetime.now().astimezone() - timedelta(**{_UNITS[age[2]]: int(age[1])})
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            self.fail(
                f"{text!r} is neither an age nor a date. Write 30m, 12h, 2d or 1w, or 2026-11-01.",
                param,
                ctx,
            )
