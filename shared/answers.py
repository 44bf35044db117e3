"""The bodies of answers about images: a batch and a page of a session.

Workers build them too, for the calls that they make; so what signs a URL is passed in.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from shared import bodies
from shared.clients.object_store import ObjectStore
from shared.db.batches import NewBatch
from shared.db.session_list import SessionSummary
from shared.db.views import EndedImage, Progress, Status, View
from shared.db.webhooks import Event, Undelivered
from shared.errors import NOT_AN_IMAGE, NOT_PROCESSED, WarningCode
from shared.models import Notice
from shared.settings import Settings

T = TypeVar("T")

# Signs the URL of a finished image: the URL, and the time when it expires.
Sign = Callable[[EndedImage], tuple[str, datetime]]

_ALL_FAILED = "No image could be processed"


def signer(store: ObjectStore, settings: Settings) -> Sign:
    """Returns what signs a fresh URL, which never expires after the output is deleted."""

    def sign(image: EndedImage) -> tuple[str, datetime]:
        now = datetime.now(UTC).replace(microsecond=0)
        expires = min(
            now + timedelta(seconds=settings.url_seconds),
            image.ended_at + timedelta(seconds=settings.output_seconds),
        )
        seconds = max(1, int((expires - now).total_seconds()))
        url = store.sign(image.output_key or "", image.file_name, seconds)
        return url, now + timedelta(seconds=seconds)

    return sign


def batch_body(view: View, sign: Sign) -> bodies.Batch:
    """The body of POST /api/compress. `progress` is in it only while the batch is not done."""
    notices = [about.notice for about in view.notices]
    notices += [notice for image in view.images for notice in image.notices]
    body: bodies.Batch = {
        "session_id": view.session_name,
        "batch_id": str(view.batch_id),
        "status": view.status,
        "progress": _progress(view.progress),
        "data": [image_body(image, sign) for image in view.images if image.output_key],
        "errors": [error_body(image) for image in view.images if image.error_code],
        "warnings": [_warning(notice) for notice in notices],
    }
    if view.complete:
        del body["progress"]
        if view.progress.completed == 0 and not view.remade:
            return {"error": _ALL_FAILED, "code": "all_failed", **body}
    return body


def accepted_body(batch: NewBatch) -> bodies.Batch:
    """The body of POST /api/compress for an accepted batch whose rows cannot be read now."""
    total = len(batch.images)
    return {
        "session_id": batch.session_name,
        "batch_id": str(batch.id),
        "status": "queued",
        "progress": _progress(Progress(total, queued=total)),
        "data": [],
        "errors": [],
        "warnings": [_warning(notice) for notice in batch.notices],
    }


def session_body(view: View, sign: Sign, archive_url: str | None) -> bodies.SessionPage:
    """A page of a session. Errors and warnings have a `batch_id`: `index` counts within a batch."""
    warnings = [_warning(about.notice, about.batch_id) for about in view.notices]
    for image in view.images:
        warnings += [_warning(notice, image.batch_id) for notice in image.notices]
    return {
        "session_id": view.session_name,
        "status": view.status,
        "progress": _progress(view.progress),
        "data": [image_body(image, sign) for image in view.images if image.output_key],
        "errors": [error_body(image, image.batch_id) for image in view.images if image.error_code],
        "warnings": warnings,
        "next_cursor": None if view.complete else str(view.last_number),
        "archive_url": archive_url,
        "webhooks": [_webhook(webhook) for webhook in view.webhooks],
    }


def ended_body(image: EndedImage, sign: Sign) -> bodies.Image | bodies.FailedImage | None:
    """An image as a page's `data` or `errors` has it, with its warnings; None once it expired."""
    warnings = [_warning(notice, image.batch_id) for notice in image.notices]
    if image.error_code:
        return {**error_body(image, image.batch_id), "warnings": warnings}
    if image.output_key:
        return {**image_body(image, sign), "warnings": warnings}
    return None


def session_end(view: View) -> bodies.SessionEnd:
    """What a stream of events ends with."""
    return {
        "session_id": view.session_name,
        "status": view.status,
        "progress": _progress(view.progress),
    }


def session_list_body(
    found: Sequence[SessionSummary], next_cursor: str | None
) -> bodies.SessionList:
    """A page of the list of sessions."""
    return {
        "sessions": [
            {
                "session_id": session.name,
                "status": session.status,
                "progress": _progress(session.progress),
                "created_at": _moment(session.created_at),
            }
            for session in found
        ],
        "next_cursor": next_cursor,
    }


def event_body(event: Event, occurred_at: datetime, batch: bodies.Batch) -> bodies.WebhookEvent:
    """The body of a call to a webhook."""
    return {"type": event, "timestamp": _moment(occurred_at), "data": batch}


def forgotten_batch_body(session_name: str, batch_id: UUID, status: Status) -> bodies.Batch:
    """The body of a batch that has ended and whose rows are deleted."""
    return {
        "session_id": session_name,
        "batch_id": str(batch_id),
        "status": status,
        "data": [],
        "errors": [],
        "warnings": [results_expired()],
    }


def results_expired() -> bodies.Warning:
    """The warning of a call that comes after the results were deleted."""
    message = "The results were deleted before this call was made"
    return _warning(Notice(WarningCode.RESULTS_EXPIRED, message))


def image_body(image: EndedImage, sign: Sign) -> bodies.Image:
    """The element of `data` for an image that succeeded."""
    url, expires_at = sign(image)
    compressed_size = image.compressed_size or 0
    return {
        "id": str(image.id),
        "batch_id": str(image.batch_id),
        "index": image.index,
        "original_name": image.original_name,
        "path": image.folder,
        "file_name": image.file_name,
        "format": _known(image.format),
        "width": _known(image.width),
        "height": _known(image.height),
        "original_size": image.original_size,
        "compressed_size": compressed_size,
        "saved_percent": saved_percent(image.original_size, compressed_size),
        "url": url,
        "expires_at": _moment(expires_at),
        "alt_text": image.alt_text,
        "watermarked": image.watermarked,
        "encoding": image.encoding,
        "retry_of": _retry_of(image),
    }


def error_body(image: EndedImage, batch_id: UUID | None = None) -> bodies.FailedImage:
    """The element of `errors` for an image that failed; with `batch_id`, of a session's page."""
    body: bodies.FailedImage = {
        "id": str(image.id),
        "index": image.index,
        "original_name": image.original_name,
        "path": image.folder,
        "error": _known(image.error_code),
        "message": failure_message(image.original_name, image.error_message),
        "retry_of": _retry_of(image),
    }
    if batch_id:
        body["batch_id"] = str(batch_id)
    return body


def saved_percent(original_size: int, compressed_size: int) -> float:
    """How much smaller the result is than its original; below zero where it is larger."""
    return round(100 * (1 - compressed_size / original_size), 1) if original_size else 0.0


def failure_message(original_name: str, message: str | None) -> str:
    """The message of an image that failed."""
    if message and message.startswith(NOT_AN_IMAGE):
        # The published contract has this sentence; a format that is known says why it is not read.
        return f"{original_name} is not an image this service reads"
    return message or NOT_PROCESSED


def _warning(notice: Notice, batch_id: UUID | None = None) -> bodies.Warning:
    body: bodies.Warning = {
        "index": notice.index,
        "code": notice.code,
        "message": notice.message,
    }
    if batch_id:
        body["batch_id"] = str(batch_id)
    return body


def _webhook(webhook: Undelivered) -> bodies.Webhook:
    next_attempt_at = webhook.next_attempt_at
    return {
        "batch_id": str(webhook.batch_id),
        "url": webhook.url,
        "status": webhook.status,
        "attempts": webhook.attempts,
        "last_status": webhook.last_status,
        "next_attempt_at": _moment(next_attempt_at) if next_attempt_at else None,
    }


def _progress(progress: Progress) -> bodies.Progress:
    return {
        "total": progress.total,
        "queued": progress.queued,
        "processing": progress.processing,
        "completed": progress.completed,
        "failed": progress.failed,
        "cancelled": progress.cancelled,
        "original_bytes": progress.original_bytes,
        "compressed_bytes": progress.compressed_bytes,
    }


def _retry_of(image: EndedImage) -> str | None:
    return str(image.retry_of) if image.retry_of else None


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _known(value: T | None) -> T:
    """A value that every such image has; raises LookupError where it has none."""
    if value is None:
        raise LookupError("an image that has ended lacks a value that it must have")
    return value
