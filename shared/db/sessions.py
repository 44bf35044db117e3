"""Reading sessions and batches, always within one account, and cancelling a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.db import credits, image_states
from shared.db.database import Connection, Database, Row, one
from shared.errors import NotFoundError
from shared.imagetype import ImageType
from shared.models import Encoding, Notice

Status = Literal["queued", "processing", "completed", "cancelled"]


@dataclass(frozen=True)
class Progress:
    """How many images stand where; `total` is their sum."""

    total: int
    queued: int
    processing: int
    completed: int
    failed: int
    cancelled: int

    @property
    def ended(self) -> int:
        """Images that ended, well or badly."""
        return self.completed + self.failed + self.cancelled


@dataclass(frozen=True)
class EndedImage:
    """One image that has ended: with an `output_key`, or with an `error_code`.

    ended_number: its place in the order in which the session's images ended.
    encoding: None where there is no output, and where it is older than this column.
    """

    id: UUID
    batch_id: UUID
    index: int
    ended_number: int
    original_name: str
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
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class View:
    """A batch, or a page of a session, at this moment.

    images: the ended ones; of a batch in upload order, of a session in the order in which they
        ended. last_number: the `ended_number` of the page's last image, or the cursor when the
        page is empty. complete: nothing can follow.
    """

    session_id: UUID
    session_name: str
    batch_id: UUID | None
    status: Status
    progress: Progress
    images: Sequence[EndedImage]
    notices: Sequence[Notice]
    last_number: int
    complete: bool


_IMAGE_COLUMNS = """
id, batch_id, index, ended_number, original_name, original_size, file_name, format, width, height,
    compressed_size, output_key, watermarked, encoding, alt_text, error_code, error_message,
    ended_at, warnings
"""
_PAGE = f"""
SELECT {_IMAGE_COLUMNS} FROM images
WHERE session_id = %s AND ended_number > %s ORDER BY ended_number LIMIT %s
"""  # noqa: S608 - our own constant


def view_session(
    database: Database, account_id: int, name: str, *, after_number: int, limit: int
) -> View:
    """A page of a session: at most `limit` images that ended after `after_number`.

    Raises NotFoundError.
    """
    with database.snapshot() as connection:
        session = _session(connection, account_id, name)
        images = connection.execute(_PAGE, (session["id"], after_number, limit)).fetchall()
        progress = _session_progress(connection, session)
    last = images[-1]["ended_number"] if images else after_number
    status = _status(progress, cancelled=session["cancelled_at"] is not None)
    return View(
        session["id"],
        name,
        None,
        status,
        progress,
        [_image(row) for row in images],
        (),
        last,
        # A page below its limit is the last one, whatever its number: later images may be deleted.
        complete=status in ("completed", "cancelled")
        and (len(images) < limit or last >= session["last_ended"]),
    )


_BATCH = """
SELECT b.session_id, b.warnings, s.name, s.cancelled_at
FROM batches AS b JOIN sessions AS s ON s.id = b.session_id
WHERE b.id = %s AND b.account_id = %s
"""
_ENDED_OF_BATCH = f"""
SELECT {_IMAGE_COLUMNS} FROM images
WHERE batch_id = %s AND ended_number IS NOT NULL ORDER BY index
"""  # noqa: S608 - our own constant


def view_batch(database: Database, account_id: int, batch_id: UUID) -> View:
    """One batch with all its ended images; raises NotFoundError."""
    with database.snapshot() as connection:
        batch = connection.execute(_BATCH, (batch_id, account_id)).fetchone()
        if batch is None:
            raise NotFoundError("There is no such batch")
        progress = _batch_progress(connection, batch_id)
        images = connection.execute(_ENDED_OF_BATCH, (batch_id,)).fetchall()
    status = _status(progress, cancelled=batch["cancelled_at"] is not None)
    return View(
        batch["session_id"],
        batch["name"],
        batch_id,
        status,
        progress,
        [_image(row) for row in images],
        [Notice(w["code"], w["message"], w["index"]) for w in batch["warnings"]],
        0,
        complete=progress.ended == progress.total,
    )


_IS_CLOSED = "SELECT closed_at IS NOT NULL AS closed FROM batches WHERE id = %s"


def is_batch_closed(database: Database, batch_id: UUID) -> bool:
    """Whether every image of the batch has ended."""
    with database.autocommit() as connection:
        row = connection.execute(_IS_CLOSED, (batch_id,)).fetchone()
    return row is None or bool(row["closed"])


_HAS_ENDED_SINCE = """
SELECT last_ended > %s OR cancelled_at IS NOT NULL OR NOT EXISTS (
    SELECT FROM images
    WHERE session_id = s.id AND state NOT IN ('done', 'failed', 'cancelled')) AS found
FROM sessions AS s WHERE id = %s
"""


def has_ended_since(database: Database, session_id: UUID, after_number: int) -> bool:
    """Whether an image of the session ended after that number, or nothing is open any more."""
    with database.autocommit() as connection:
        row = connection.execute(_HAS_ENDED_SINCE, (after_number, session_id)).fetchone()
    return row is None or bool(row["found"])


_NOTE_CANCELLED = """
UPDATE sessions
SET cancelled_at = coalesce(cancelled_at, now()), cancelled = cancelled + %(n)s,
    last_ended = last_ended + %(n)s
WHERE id = %(id)s
"""
_FORGET_OUTPUTS = """
UPDATE images SET output_key = NULL WHERE session_id = %s AND output_key IS NOT NULL
"""
_CLOSE_BATCHES = """
UPDATE batches SET ended = total, closed_at = coalesce(closed_at, now())
WHERE session_id = %s RETURNING id
"""


def cancel(database: Database, account_id: int, name: str) -> tuple[UUID, list[UUID]]:
    """Ends what has not ended, gives its credits back and forgets every output.

    An image in work is cancelled too: its worker's commit will be refused. Returns the session's
    id and its batches, whose objects the caller deletes. Raises NotFoundError.
    """
    with database.transaction() as connection:
        session_id = _session(connection, account_id, name, lock="FOR NO KEY UPDATE")["id"]
        cancelled = image_states.cancel_open(connection, session_id)
        connection.execute(_NOTE_CANCELLED, {"id": session_id, "n": len(cancelled)})
        connection.execute(_FORGET_OUTPUTS, (session_id,))
        batches = connection.execute(_CLOSE_BATCHES, (session_id,)).fetchall()
        credits.release(connection, cancelled)
    return session_id, [row["id"] for row in batches]


_SESSION = "SELECT * FROM sessions WHERE account_id = %s AND name = %s {lock}"


def _session(connection: Connection, account_id: int, name: str, lock: str = "") -> Row:
    row = connection.execute(_SESSION.format(lock=lock), (account_id, name)).fetchone()
    if row is None:
        raise NotFoundError("There is no such session")
    return row


_OPEN_OF_SESSION = """
SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state <> 'queued') AS processing
FROM images WHERE session_id = %s AND state NOT IN ('done', 'failed', 'cancelled')
"""


def _session_progress(connection: Connection, session: Row) -> Progress:
    # Ended images are counted on the session's row; only what is open is counted anew.
    open_ = one(connection.execute(_OPEN_OF_SESSION, (session["id"],)).fetchone())
    ended = {key: session[key] for key in ("completed", "failed", "cancelled")}
    return Progress(
        total=open_["queued"] + open_["processing"] + sum(ended.values()), **open_, **ended
    )


_PROGRESS_OF_BATCH = """
SELECT count(*) AS total,
    count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state IN ('processing', 'optimised', 'describing')) AS processing,
    count(*) FILTER (WHERE state = 'done') AS completed,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled
FROM images WHERE batch_id = %s
"""


def _batch_progress(connection: Connection, batch_id: UUID) -> Progress:
    return Progress(**one(connection.execute(_PROGRESS_OF_BATCH, (batch_id,)).fetchone()))


def _status(progress: Progress, *, cancelled: bool) -> Status:
    if cancelled:
        return "cancelled"
    if progress.ended == progress.total:
        return "completed"
    return "queued" if progress.queued == progress.total else "processing"


def _image(row: Row) -> EndedImage:
    notices = tuple(Notice(w["code"], w["message"], row["index"]) for w in row.pop("warnings"))
    fmt, encoding = row.pop("format"), row.pop("encoding")
    return EndedImage(
        **row,
        format=ImageType(fmt) if fmt else None,
        encoding=Encoding(encoding) if encoding else None,
        notices=notices,
    )
