"""A session as lines of JSON, and as lines for a person."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fluximage.answers import Image, ImageFailure, Notice, Progress, SessionPage, SessionSummary
from fluximage.command.ledger import Result
from fluximage.command.outcome import Outcome
from fluximage.command.words import change, count, size

OWN_FIELDS = ("page_cursor", "session_id")  # of the client, not of the API


def say(record: dict[str, Any]) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(record), flush=True)


def image_record(image: Image) -> dict[str, Any]:
    """A finished image: the fields of docs/api.md."""
    facts = {name: value for name, value in asdict(image).items() if name not in OWN_FIELDS}
    return {"type": "image"} | facts


def failure_record(failure: ImageFailure) -> dict[str, Any]:
    """An image that failed: the fields of docs/api.md."""
    return {"type": "failure"} | asdict(failure)


def session_record(
    session: SessionPage | SessionSummary, warnings: tuple[Notice, ...] = ()
) -> dict[str, Any]:
    """What a session is like as a whole."""
    facts: dict[str, Any] = {"session_id": session.session_id, "status": session.status}
    facts["progress"] = asdict(session.progress)
    if isinstance(session, SessionSummary):
        facts["created_at"] = session.created_at
    else:
        facts["archive_url"] = session.archive_url
        facts["warnings"] = list(map(asdict, warnings))
    return {"type": "session"} | facts


def image_outcome(image: Image) -> Outcome:
    """A finished image as `compress` tells of one."""
    sizes = (image.original_size, image.compressed_size)
    source = in_folder(image.path, image.original_name)
    result = Result(source, image.format, image.width, image.height, *sizes, image.alt_text)
    return Outcome("done", source, in_folder(image.path, image.file_name), result)


def failure_outcome(failure: ImageFailure) -> Outcome:
    """A failed image as `compress` tells of one."""
    source = in_folder(failure.path, failure.original_name)
    return Outcome("failed", source, code=failure.error, message=failure.message)


def in_folder(folder: str | None, name: str) -> str:
    """A name below its folder, if it has one."""
    return f"{folder}/{name}" if folder else name


def progress_words(progress: Progress) -> list[str]:
    """`134 of 240 images`, `2 failed`, `612 MB → 47 MB (−92 %)`: what there is to say."""
    ended = progress.completed + progress.failed + progress.cancelled
    whole = count(progress.total, "image")
    words = [whole if ended == progress.total else f"{ended:,} of {whole}"]
    words += [f"{progress.failed:,} failed"] if progress.failed else []
    words += [f"{progress.cancelled:,} cancelled"] if progress.cancelled else []
    before, after = progress.original_bytes, progress.compressed_bytes
    words += [f"{size(before)} → {size(after)} ({change(before, after)})"] if before else []
    return words


def local_time(moment: str) -> str:
    """A time of the API in this machine's zone: `2026-11-26 03:18`."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
