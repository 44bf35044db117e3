"""The documented bodies: a batch, a page of a session, the list of sessions; and any as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Response, jsonify

from api.archive_links import archive_url
from api.context import context
from shared.db.batches import NewBatch
from shared.db.session_list import SessionSummary
from shared.db.views import EndedImage, Progress, View
from shared.errors import NOT_AN_IMAGE


def json_response(body: dict[str, Any], status: int = 200) -> Response:
    """A response with `body` as JSON."""
    response = jsonify(body)
    response.status_code = status
    return response


def batch_body(view: View) -> dict[str, Any]:
    """The body of POST /api/compress; it has `progress` only while the batch is not done."""
    body: dict[str, Any] = {
        "session_id": view.session_name,
        "batch_id": str(view.batch_id),
        "status": view.status,
    }
    if not view.complete:
        body["progress"] = asdict(view.progress)
    notices = [about.notice.to_json() for about in view.notices]
    for image in view.images:
        notices += [notice.to_json() for notice in image.notices]
    return body | {
        "data": [_image(image) for image in view.images if image.output_key],
        "errors": [_error(image) for image in view.images if image.error_code],
        "warnings": notices,
    }


def accepted_body(batch: NewBatch) -> dict[str, Any]:
    """The body of POST /api/compress for an accepted batch whose rows cannot be read now."""
    total = len(batch.images)
    return {
        "session_id": batch.session_name,
        "batch_id": str(batch.id),
        "status": "queued",
        "progress": asdict(Progress(total, queued=total)),
        "data": [],
        "errors": [],
        "warnings": [notice.to_json() for notice in batch.notices],
    }


def session_body(view: View) -> dict[str, Any]:
    """A page of a session. Errors and warnings have a `batch_id`: `index` counts within a batch."""
    errors = []
    warnings = [about.notice.to_json() | _batch(about.batch_id) for about in view.notices]
    for image in view.images:
        batch = _batch(image.batch_id)
        if image.error_code:
            errors.append(_error(image) | batch)
        warnings += [notice.to_json() | batch for notice in image.notices]
    return {
        "session_id": view.session_name,
        "status": view.status,
        "progress": asdict(view.progress),
        "data": [_image(image) for image in view.images if image.output_key],
        "errors": errors,
        "warnings": warnings,
        "next_cursor": None if view.complete else str(view.last_number),
        "archive_url": archive_url(view),
    }


def ended_element(image: EndedImage) -> dict[str, Any] | None:
    """An image as a page's `data` or `errors` has it, with its warnings; None once it expired."""
    batch = _batch(image.batch_id)
    if image.error_code:
        element = _error(image) | batch
    elif image.output_key:
        element = _image(image)
    else:
        return None
    return element | {"warnings": [notice.to_json() | batch for notice in image.notices]}


def session_end(view: View) -> dict[str, Any]:
    """What a stream of events ends with."""
    return {
        "session_id": view.session_name,
        "status": view.status,
        "progress": asdict(view.progress),
    }


def session_list_body(found: Sequence[SessionSummary], next_cursor: str | None) -> dict[str, Any]:
    """A page of the list of sessions."""
    return {
        "sessions": [
            {
                "session_id": session.name,
                "status": session.status,
                "progress": asdict(session.progress),
                "created_at": _moment(session.created_at),
            }
            for session in found
        ],
        "next_cursor": next_cursor,
    }


def _batch(batch_id: UUID) -> dict[str, str]:
    return {"batch_id": str(batch_id)}


def _image(image: EndedImage) -> dict[str, Any]:
    url, expires_at = _signed(image)
    compressed_size = image.compressed_size or 0
    return {
        "id": str(image.id),
        "batch_id": str(image.batch_id),
        "index": image.index,
        "original_name": image.original_name,
        "path": image.folder,
        "file_name": image.file_name,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "original_size": image.original_size,
        "compressed_size": compressed_size,
        "saved_percent": saved_percent(image.original_size, compressed_size),
        "url": url,
        "expires_at": expires_at,
        "alt_text": image.alt_text,
        "watermarked": image.watermarked,
        "encoding": image.encoding,
    }


def saved_percent(original_size: int, compressed_size: int) -> float:
    """How much smaller the result is than its original; below zero where it is larger."""
    return round(100 * (1 - compressed_size / original_size), 1) if original_size else 0.0


def _signed(image: EndedImage) -> tuple[str, str]:
    """A fresh URL and the time when it expires, which is never after the output is deleted."""
    services = context().services
    now = datetime.now(UTC).replace(microsecond=0)
    expires = min(
        now + timedelta(seconds=services.settings.url_seconds),
        image.ended_at + timedelta(seconds=services.settings.output_seconds),
    )
    seconds = max(1, int((expires - now).total_seconds()))
    url = services.store.sign(image.output_key or "", image.file_name, seconds)
    return url, _moment(now + timedelta(seconds=seconds))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _error(image: EndedImage) -> dict[str, Any]:
    return {
        "index": image.index,
        "original_name": image.original_name,
        "path": image.folder,
        "error": image.error_code,
        "message": failure_message(image.original_name, image.error_message),
    }


def failure_message(original_name: str, message: str | None) -> str | None:
    """The message of an image that failed."""
    if message and message.startswith(NOT_AN_IMAGE):
        # The published contract has this sentence; a format that is known says why it is not read.
        return f"{original_name} is not an image this service reads"
    return message
