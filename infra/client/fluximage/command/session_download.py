"""Saving the results of a session: as the tree in which they were sent, or as one ZIP."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from fluximage.answers import Image, SessionPage
from fluximage.client import Client
from fluximage.command import output, records
from fluximage.command.display import Display
from fluximage.command.exits import CommandError, Exit
from fluximage.command.outcome import Outcome
from fluximage.command.run import SAVERS
from fluximage.command.words import count, printable, shown, size
from fluximage.errors import DownloadError, NotFound


def as_archive(client: Client, page: SessionPage, archive: Path, display: Display) -> Exit:
    """Save the ZIP that the server makes; raises CommandError where the name is taken."""
    if os.path.lexists(archive):
        raise _taken(archive)
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with output.part_of(archive, archive) as part:
            output.write(part, 0o666, lambda file: client.archive(page.session_id, file))
            output.place(part, archive, overwrite=False)
    except FileExistsError:
        raise _taken(archive) from None
    except OSError as error:
        raise CommandError(f"{printable(str(archive))}: {error.strerror or error}.") from error
    written = archive.stat().st_size
    display.line(printable(f"{archive}  {size(written)}"))
    display.json({"type": "archive", "target": str(archive), "size": written})
    return _end(client, page.session_id, display)


def _taken(path: Path) -> CommandError:
    return CommandError(
        f"{printable(str(path))} exists, and nothing is replaced; type another name.", Exit.USAGE
    )


def as_files(client: Client, page: SessionPage, out: Path, display: Display) -> Exit:
    """Save each finished image at its path below `out`."""
    display.start()
    pool = ThreadPoolExecutor(SAVERS, thread_name_prefix="save")
    try:
        for each in client.pages(page.session_id):
            # In the order of ending; what is waited for when this ends early is not begun.
            for image, outcome in zip(
                each.images,
                pool.map(lambda image: _save(client, image, out), each.images),
                strict=True,
            ):
                if outcome.status == "skipped":
                    display.totals.expected -= 1
                    display.totals.expected_bytes -= image.compressed_size
                else:
                    display.speed.add(image.compressed_size)
                display.outcome(outcome, image.compressed_size)
    finally:
        pool.shutdown(cancel_futures=True)
        display.stop()
    failed = display.totals.failed
    status = Exit.SOME_FAILED if failed else _end(client, page.session_id, display)
    display.summary({"exit_status": int(status), "error": None, "manifests": []})
    return status


def _end(client: Client, session_id: str, display: Display) -> Exit:
    """Say what the session has not, or not yet."""
    page = client.session(session_id, limit=1)
    progress = page.progress
    if progress.failed:
        failed = count(progress.failed, "image")
        display.note(f"{failed} failed on the server; type: fluximage sessions show {session_id}")
    still = progress.queued + progress.processing
    if still:
        display.note(f"{count(still, 'image')} not ended yet; type the same command later.")
    return Exit.TEMPORARY if still else Exit.DONE


def _save(client: Client, image: Image, out: Path) -> Outcome:
    """What became of one result."""
    found = records.image_outcome(image)
    try:
        target = place_of(image, out)
        outcome = replace(found, target=shown(target))
        if os.path.lexists(target):
            if target.is_file() and target.stat().st_size == image.compressed_size:
                return replace(outcome, status="skipped")
            return _failed(found, "exists", f"{target} exists, has another size, and was kept")
        target.parent.mkdir(parents=True, exist_ok=True)
        with output.part_of(target, target) as part:
            output.write(part, 0o666, lambda file: client.download(image, file))
            output.place(part, target, overwrite=False)
    except OSError as error:
        if output.is_of_the_disk(error):
            raise CommandError(f"{printable(str(out))}: {error.strerror}.") from error
        return _failed(found, "not_written", f"it cannot be written: {error.strerror or error}")
    except ValueError as error:
        return _failed(found, "not_written", str(error))
    except (DownloadError, NotFound) as error:
        return _failed(found, error.code, error.message)
    return outcome


def place_of(image: Image, out: Path) -> Path:
    """Where a result goes; raises ValueError for a path that would leave `out`.

    The service cleans paths; this does not depend on it.
    """
    text = records.in_folder(image.path, image.file_name)
    path = PurePosixPath(text)
    parts = path.parts
    bad = not parts or path.is_absolute() or ".." in parts or "\0" in text or "\\" in text
    if bad or parts[-1].startswith("."):
        raise ValueError(f"the server named it {text!r}, which is no path to write to")
    target = out / path
    with suppress(FileNotFoundError):
        if not target.parent.resolve().is_relative_to(out.resolve()):
            raise ValueError(f"{text!r} leads out of {out}, by a link")
    return target


def _failed(found: Outcome, code: str, message: str) -> Outcome:
    return replace(found, status="failed", target=None, code=code, message=message)
