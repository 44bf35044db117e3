"""What will be sent and where each result goes; whatever stands in the way is told before that."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from fluximage.command import header
from fluximage.command.exits import CommandError, Exit
from fluximage.command.ledger import Entry, Ledger
from fluximage.command.naming import Template
from fluximage.command.walk import Found, Walked
from fluximage.command.words import printable, shown
from fluximage.options import Format

SHOWN = 5
WRITTEN = ("webp", "avif", "jpg", "png")


@dataclass(frozen=True)
class Where:
    """Where results go. `out` None: beside the originals.

    renames: whether the stem of a name comes from the service.
    """

    out: Path | None
    template: Template
    overwrite: bool
    in_place: bool
    backup: Path | None
    renames: bool

    @property
    def late_names(self) -> bool:
        """Whether a name is known only when its image is done."""
        return self.renames or self.template.needs_result()


@dataclass(frozen=True)
class Item:
    """One image to send. `target` None: known when it is done."""

    found: Found
    format: Format
    target: Path | None
    replaces_original: bool = False


@dataclass
class Plan:
    """Images to send, those that the ledger has, and those that are left out with the reason."""

    root: Path
    items: list[Item] = field(default_factory=list)
    done: list[tuple[Found, Entry]] = field(default_factory=list)
    left_out: list[tuple[Found, str]] = field(default_factory=list)


def make_plan(
    walked: Walked,
    where: Where,
    file_format: Format,
    ledger: Ledger,
    digest_of: Callable[[Format], str],
) -> Plan:
    """Decides for every file; raises CommandError when two results, or a file, are in the way.

    digest_of: the digest of all options, for a format.
    """
    plan = Plan(where.out or walked.base)
    written = ledger.targets()
    found = [one for one in walked.files if Path(_absolute(one.path)) not in written]
    obstacles = _Obstacles(found, where)
    for one in found:
        if where.in_place and (reason := _stays(one)):
            plan.left_out.append((one, reason))
            continue
        item = _item(one, plan.root, where, file_format)
        entry = ledger.done(one, digest_of(item.format), item.target)
        if entry:
            plan.done.append((one, entry))
        else:
            plan.items.append(item)
        obstacles.meet(item, done=entry is not None)
    obstacles.tell()
    return plan


def _absolute(path: Path) -> str:
    return os.path.abspath(path)


def _stays(found: Found) -> str | None:
    """Why a file cannot be replaced in place, where its format stays."""
    if found.path.is_symlink():
        return "is a link"
    kind = header.type_of_file(found.path)
    if kind in WRITTEN or kind is None:  # what is no image is for the service to say
        return None
    return f"is {kind}, which is not written; its format would change"


def _item(found: Found, root: Path, where: Where, file_format: Format) -> Item:
    if where.in_place:
        kind = header.type_of_file(found.path)
        own: Format = next((one for one in get_args(Format) if one == kind), "webp")
        return Item(found, own, found.path, replaces_original=True)
    if where.late_names:
        return Item(found, file_format, None)
    try:
        target = root / where.template.render(found.relative, file_format)
    except ValueError as error:
        raise CommandError(f"{printable(str(found.path))}: {error}", Exit.USAGE) from None
    own_name = _key(target) == _key(found.path)
    return Item(found, file_format, found.path if own_name else target, replaces_original=own_name)


def _key(path: Path) -> str:
    """Equal for names that a file system without case, or macOS, takes as one."""
    return unicodedata.normalize("NFC", _absolute(path)).casefold()


class _Obstacles:
    """Collects what stands in the way of the results."""

    def __init__(self, sources: list[Found], where: Where) -> None:
        self._where = where
        self._sources = {_key(one.path): one for one in sources}
        self._targets: dict[str, Found] = {}
        self._found: list[str] = []

    def meet(self, item: Item, *, done: bool) -> None:
        """Looks at one target."""
        if item.target is None:
            return
        key = _key(item.target)
        other = self._targets.setdefault(key, item.found)
        if other is not item.found:
            both = f"{other.path} and {item.found.path}"
            self._found.append(printable(f"{both} would both become {shown(item.target)}"))
        elif not done:
            self._found += map(printable, self._in_the_way(item, item.target, key))

    def _in_the_way(self, item: Item, target: Path, key: str) -> Iterator[str]:
        if item.replaces_original:
            if not (self._where.in_place or self._where.overwrite):
                yield f"{shown(target)} would be replaced by its own result"
        elif key in self._sources:
            other = self._sources[key].path
            yield f"the result of {item.found.path} would replace {other}, which is sent too"
        elif target.is_dir():
            yield f"{shown(target)} is a folder"
        elif os.path.lexists(target) and not self._where.overwrite:
            yield f"{shown(target)} exists"
        elif blocked := next(
            (up for up in target.parents if up.exists() and not up.is_dir()), None
        ):
            yield f"{shown(blocked)} is a file, and a folder is needed there"

    def tell(self) -> None:
        """Raises CommandError when there is anything."""
        if not self._found:
            return
        lines = "".join(f"\n  {text}" for text in self._found[:SHOWN])
        more = f"\n  and {len(self._found) - SHOWN:,} more" if len(self._found) > SHOWN else ""
        raise CommandError(
            f"Nothing was sent, since results would collide:{lines}{more}\n{ADVICE}", Exit.USAGE
        )


ADVICE = (
    "Type --out DIR for another folder, --name '{dir}/{stem}-small.{ext}' for other names,"
    " --overwrite to replace results, or --in-place to replace originals."
)
