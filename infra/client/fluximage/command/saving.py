"""What happens to a result: fetched, checked, put in its place and written down."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from fluximage.command import header, output
from fluximage.command.engine import Engine
from fluximage.command.exits import CommandError
from fluximage.command.ledger import Hashes, Ledger, Result
from fluximage.command.outcome import Outcome
from fluximage.command.plan import Item, Plan, Where
from fluximage.command.words import printable, shown
from fluximage.errors import DownloadError, NotFound
from fluximage.results import Done


class Saver:
    """Saves results; threads may share it."""

    def __init__(self, engine: Engine, ledger: Ledger, plan: Plan, where: Where) -> None:
        self._engine = engine
        self._ledger = ledger
        self._root = plan.root
        self._where = where
        # What a name that is known only afterwards may not replace, even by --overwrite.
        self._taken = {os.path.abspath(item.found.path) for item in plan.items}
        self._taken |= {str(path) for path in ledger.targets()}
        self._placing = threading.Lock()

    def save(self, item: Item, digest: str, done: Done) -> Outcome:
        """What became of `item`; raises CommandError when no other could be saved either."""
        try:
            return (
                self._replaced(item, digest, done)
                if item.replaces_original
                else self._written(item, digest, done)
            )
        except OSError as error:
            if output.is_of_the_disk(error):
                raise CommandError(
                    f"{printable(shown(self._root))} cannot be written to: {error.strerror}."
                ) from error
            return _failed(
                item, "not_written", f"the result cannot be written: {error.strerror or error}"
            )
        except ValueError as error:  # of a name
            return _failed(item, "not_written", str(error))
        except header.BrokenImageError as error:
            return _failed(
                item, "not_replaced", f"the original was kept, as the result is damaged: {error}"
            )
        except (DownloadError, NotFound) as error:
            return _failed(item, error.code, error.message)

    def _written(self, item: Item, digest: str, done: Done) -> Outcome:
        target = item.target or self._named(item, done)
        target.parent.mkdir(parents=True, exist_ok=True)
        result = _result(item, done)
        with output.part_of(target, item.found.path) as part:
            output.write(part, item.found.mode, self._fill(done))
            hashes = Hashes(_source_hash(item), output.digest(part))
            self._ledger.record("placing", item.found, digest, hashes, target, result)
            with self._placing:
                placed = self._place(part, target, item)
        self._ledger.record("done", item.found, digest, hashes, placed, result)
        return Outcome("done", str(item.found.path), shown(placed), result, warnings=done.warnings)

    def _place(self, part: Path, target: Path, item: Item) -> Path:
        """A late name never replaces a source or a result; another file only by --overwrite."""
        taken = item.target is None and os.path.abspath(target) in self._taken
        if self._where.overwrite and not taken:
            output.place(part, target, overwrite=True)
            placed = target
        else:
            placed = output.place_beside(part, target)
        self._taken.add(os.path.abspath(placed))
        return placed

    def _named(self, item: Item, done: Done) -> Path:
        image = done.image
        stem = Path(image.file_name).stem
        renamed = stem if self._where.renames else None
        name = self._where.template.render(
            item.found.relative, item.format, stem=renamed, width=image.width, height=image.height
        )
        return self._root / name

    def _replaced(self, item: Item, digest: str, done: Done) -> Outcome:
        found, result = item.found, _result(item, done)
        facts = found.path.stat()
        if (facts.st_size, facts.st_mtime_ns) != (found.size, found.mtime_ns):
            return _failed(item, "file_changed", "it changed while it was compressed, and was kept")
        if result.compressed_size >= found.size:
            return self._kept(item, digest, done)
        with output.part_of(found.path, found.path) as part:
            output.write(part, found.mode, self._fill(done))
            header.check(part, item.format, result.width, result.height)
            hashes = Hashes(output.digest(found.path), output.digest(part))
            self._ledger.record("placing", found, digest, hashes, found.path, result)
            output.replace_original(part, found, self._backup(item))
        self._ledger.record("done", found, digest, hashes, found.path, result)
        return Outcome("done", str(found.path), str(found.path), result, warnings=done.warnings)

    def _kept(self, item: Item, digest: str, done: Done) -> Outcome:
        facts = _result(item, done)
        size = item.found.size
        result = Result(
            facts.name, facts.format, facts.width, facts.height, size, size, facts.alt_text
        )
        hashes = Hashes(_source_hash(item), "")
        self._ledger.record("done", item.found, digest, hashes, None, result)
        path = str(item.found.path)
        return Outcome("kept", path, path, result, warnings=done.warnings)

    def _backup(self, item: Item) -> Path | None:
        return self._where.backup / item.found.relative if self._where.backup else None

    def _fill(self, done: Done) -> Callable[[BinaryIO], None]:
        return lambda file: self._engine.save(done, file)


def _result(item: Item, done: Done) -> Result:
    image = done.image
    sizes = (image.original_size, image.compressed_size)
    name = item.found.relative.as_posix()
    return Result(name, image.format, image.width, image.height, *sizes, image.alt_text)


def _source_hash(item: Item) -> str:
    """The digest of what was sent; empty, which matches nothing, where the file has changed."""
    found = item.found
    try:
        digest, facts = output.digest(found.path), found.path.stat()
    except OSError:
        return ""
    same = (facts.st_size, facts.st_mtime_ns) == (found.size, found.mtime_ns)
    return digest if same else ""


def _failed(item: Item, code: str, message: str) -> Outcome:
    return Outcome("failed", str(item.found.path), code=code, message=message)
