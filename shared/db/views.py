"""Sessions and batches as the API shows them, always within one account."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.db import sessions
from shared.db import webhooks as webhook_rows
from shared.db.database import Connection, Database, Row, one
from shared.errors import NotFoundError
from shared.imagetype import ImageType
from shared.models import Encoding, Notice

Status = Literal["queued", "processing", "completed", "cancelled"]


@dataclass(frozen=True)
class Progress:
    """How many images are in each state; `total` is their sum.

    original_bytes, compressed_bytes: of the completed ones together, before and after.
    """

    total: int
    queued: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    original_bytes: int = 0
    compressed_bytes: int = 0

    @property
    def ended(self) -> int:
        """Images that ended."""
        return self.completed + self.failed + self.cancelled


@dataclass(frozen=True)
class EndedImage:
    """One image that has ended: with an `output_key`, or with an `error_code`.

    ended_number: its place in the order in which the session's images ended.
    folder: with slashes between its levels, None without one; `file_name` is unique in it.
    retry_of: the image that it makes again, None for an image of an upload.
    encoding: None where there is no output, and where it is older than this column.
    """

    id: UUID
    batch_id: UUID
    index: int
    ended_number: int
    original_name: str
    folder: str | None
    original_size: int
    file_name: str
    format: ImageType | None
    width: int | None
    height: int | None
    compressed_size: int | None
    output_key: str | None
    watermarked: bool
    encoding: Encoding | None
    alt_text: str | None
    error_code: str | None
    error_message: str | None
    ended_at: datetime
    retry_of: UUID | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class BatchNotice:
    """A warning about a whole batch, which it got when it was accepted."""

    batch_id: UUID
    notice: Notice


@dataclass(frozen=True)
class View:
    """A batch, or a page of a session, at this moment.

    images: the ended ones; of a batch in upload order, of a session in the order in which they
        ended. notices: about whole batches, the oldest first; of a session the newest 100.
        last_number: where the next page begins: every listed image up to this `ended_number` was
        seen. complete: nothing can follow. remade: of a batch, how many of its images another
        one stands in for. webhooks: of a session, the newest 100 that are not delivered.
    """

    session_id: UUID
    session_name: str
    batch_id: UUID | None
    status: Status
    progress: Progress
    images: Sequence[EndedImage]
    notices: Sequence[BatchNotice]
    last_number: int
    complete: bool
    remade: int = 0
    webhooks: Sequence[webhook_rows.Undelivered] = ()


_MAX_NOTICES = 100  # that a page of a session has about whole batches

_IMAGE_COLUMNS = """
id, batch_id, index, ended_number, original_name, folder, original_size, file_name, format, width,
    height, compressed_size, output_key, watermarked, encoding, alt_text, error_code, error_message,
    ended_at, retry_of, warnings
"""
_IMAGE_NAMES = _IMAGE_COLUMNS.replace(",", " ").split()
_PAGE = f"""
SELECT {_IMAGE_COLUMNS} FROM images
WHERE session_id = %s AND ended_number > %s AND replaced_by IS NULL ORDER BY ended_number LIMIT %s
"""  # noqa: S608 - our own constant
_NEWEST_NOTICES = """
SELECT b.id AS batch_id, w.value AS notice
FROM batches AS b, jsonb_array_elements(b.warnings) WITH ORDINALITY AS w (value, place)
WHERE b.session_id = %s AND b.warnings <> '[]'
ORDER BY b.created_at DESC, b.id, w.place DESC LIMIT %s
"""


def view_session(
    database: Database, account_id: int, name: str, *, after_number: int, limit: int
) -> View:
    """A page of a session: at most `limit` images that ended after `after_number`.

    Raises NotFoundError.
    """
    with database.snapshot() as connection:
        session = sessions.find(connection, account_id, name)
        images = connection.execute(_PAGE, (session["id"], after_number, limit)).fetchall()
        progress = _session_progress(connection, session)
        notices = connection.execute(_NEWEST_NOTICES, (session["id"], _MAX_NOTICES)).fetchall()
        undelivered = webhook_rows.undelivered(connection, session["id"])
    # Up to `last_ended` there may be images that are not listed: a reader is not to wait for them.
    last = (
        images[-1]["ended_number"]
        if len(images) == limit
        else max(after_number, session["last_ended"])
    )
    status = status_of(progress, cancelled=session["cancelled_at"] is not None)
    return View(
        session_id=session["id"],
        session_name=name,
        batch_id=None,
        status=status,
        progress=progress,
        images=[_image(row) for row in images],
        notices=[_batch_notice(row) for row in reversed(notices)],
        last_number=last,
        # A page below its limit is the last one, whatever its number: later images may be deleted.
        complete=status in ("completed", "cancelled")
        and (len(images) < limit or last >= session["last_ended"]),
        webhooks=undelivered,
    )


# A retry that is not in the session's lists, as it brought nothing, is what its batch has to show.
_SHOWN = "(replaced_by IS NULL OR replaced_by IS NOT DISTINCT FROM retry_of)"
_PROGRESS_OF_BATCH = f"""
SELECT count(*) AS total,
    count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state IN ('processing', 'optimised', 'describing')) AS processing,
    count(*) FILTER (WHERE state = 'done') AS completed,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
    coalesce(sum(original_size) FILTER (WHERE state = 'done'), 0)::bigint AS original_bytes,
    coalesce(sum(compressed_size) FILTER (WHERE state = 'done'), 0)::bigint AS compressed_bytes
FROM images WHERE batch_id = b.id AND {_SHOWN}
"""  # noqa: S608 - our own constant
# A row for each ended image, or one; all have what is known of the batch, so that one statement,
# which somebody waits for, reads it at one moment.
_BATCH = f"""
SELECT b.session_id, b.total AS accepted, b.warnings AS notices, s.name AS session_name,
    s.cancelled_at, progress.*, ended.*
FROM batches AS b JOIN sessions AS s ON s.id = b.session_id
CROSS JOIN LATERAL ({_PROGRESS_OF_BATCH}) AS progress
LEFT JOIN LATERAL (
    SELECT {_IMAGE_COLUMNS} FROM images
    WHERE batch_id = b.id AND ended_number IS NOT NULL AND {_SHOWN}) AS ended ON true
WHERE b.id = %s AND b.account_id = %s ORDER BY index
"""  # noqa: S608 - our own constants


def view_batch(database: Database, account_id: int, batch_id: UUID) -> View:
    """One batch with all its ended images; raises NotFoundError."""
    rows = database.execute(_BATCH, (batch_id, account_id))
    if not rows:
        raise NotFoundError("There is no such batch")
    batch = rows[0]
    progress = Progress(**{field.name: batch[field.name] for field in fields(Progress)})
    status = status_of(progress, cancelled=batch["cancelled_at"] is not None)
    ended = [row for row in rows if row["id"] is not None]
    return View(
        session_id=batch["session_id"],
        session_name=batch["session_name"],
        batch_id=batch_id,
        status=status,
        progress=progress,
        images=[_image({name: row[name] for name in _IMAGE_NAMES}) for row in ended],
        notices=[_batch_notice({"batch_id": batch_id, "notice": w}) for w in batch["notices"]],
        last_number=0,
        complete=progress.ended == progress.total,
        remade=batch["accepted"] - progress.total,
    )


_OPEN_OF_SESSION = """
SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state <> 'queued') AS processing
FROM images WHERE session_id = %s AND state NOT IN ('done', 'failed', 'cancelled')
"""


def _session_progress(connection: Connection, session: Row) -> Progress:
    # Ended images are counted on the session's row; only what is open is counted anew.
    open_ = one(connection.execute(_OPEN_OF_SESSION, (session["id"],)).fetchone())
    ended = {key: session[key] for key in ("completed", "failed", "cancelled")}
    total = open_["queued"] + open_["processing"] + sum(ended.values())
    sizes = {key: session[key] for key in ("original_bytes", "compressed_bytes")}
    return Progress(total, **open_, **ended, **sizes)


def status_of(progress: Progress, *, cancelled: bool) -> Status:
    """What the images of a batch or a session say of it; cancelled: the session was deleted."""
    if cancelled:
        return "cancelled"
    if progress.ended == progress.total:
        return "completed"
    return "queued" if progress.queued == progress.total else "processing"


def _batch_notice(row: Row) -> BatchNotice:
    notice = row["notice"]
    return BatchNotice(row["batch_id"], Notice(notice["code"], notice["message"], notice["index"]))


def _image(row: Row) -> EndedImage:
    notices = tuple(Notice(w["code"], w["message"], row["index"]) for w in row.pop("warnings"))
    fmt, encoding = row.pop("format"), row.pop("encoding")
    return EndedImage(
        **row,
        format=ImageType(fmt) if fmt else None,
        encoding=Encoding(encoding) if encoding else None,
        notices=notices,
    )
