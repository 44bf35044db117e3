"""Making images again: which of a session's images a retry takes, and the rows of the new ones.

A retry takes an image that failed for a reason which another run can help, from its original; and
one that the model left without text, from its output and its preview. The new images of one batch
are a batch with the same options. `stand_ins` says what is listed once they have ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from shared.db import credits, sessions, webhooks
from shared.db.database import Connection, Database, Execute, Row, within
from shared.errors import ConflictError, DescriptionError, ImageError, codes_for_retry
from shared.imagetype import ImageType

MAX_IMAGES = 1000  # that one call makes again; each costs copies in the store
# Of one image without text: each retry leaves its copies there until they expire, and costs nothing
# while no text comes.
MAX_RETRIES = 10


@dataclass(frozen=True)
class Imperfect:
    """An image that another run may help.

    is_done: only its text is missing. gone: what it was made of, and its output, were deleted.
    stored_bytes: of the original or the output that is copied for it.
    """

    id: UUID
    batch_id: UUID
    index: int
    is_done: bool
    format: ImageType
    ai: bool
    watermark_key: str | None
    preview_key: str | None
    output_key: str | None
    stored_bytes: int
    gone: bool


@dataclass(frozen=True)
class NewImage:
    """A new image in the place of `old`. The keys: where what it starts from was copied to."""

    id: UUID
    old: Imperfect
    output_key: str | None = None
    preview_key: str | None = None


@dataclass(frozen=True)
class NewBatch:
    """The new images of one old batch."""

    id: UUID
    old_id: UUID
    watermark_key: str | None
    images: Sequence[NewImage]


_IMPERFECT = """
SELECT i.id, i.batch_id, i.index, i.state = 'done' AS is_done, b.options->>'format' AS format,
    b.options->>'brief' IS NOT NULL AS ai, b.watermark_key, i.preview_key, i.output_key,
    CASE i.state WHEN 'done' THEN i.compressed_size ELSE i.original_size END AS stored_bytes,
    b.outputs_deleted_at IS NOT NULL AS gone
FROM images AS i JOIN batches AS b ON b.id = i.batch_id
WHERE i.replaced_by IS NULL AND (i.state = 'failed' OR i.warnings <> '[]')
AND (i.state = 'failed' AND i.error_code = ANY(%(errors)s)
    OR i.state = 'done' AND EXISTS (
        SELECT FROM jsonb_array_elements(i.warnings) AS w WHERE w->>'code' = ANY(%(warnings)s)))
AND {condition}
"""
_CODES = {
    "errors": codes_for_retry(ImageError),
    "warnings": codes_for_retry(DescriptionError),
}

_OF_BATCH = """
i.batch_id = %(batch_id)s AND b.outputs_deleted_at IS NULL
AND EXISTS (SELECT FROM sessions WHERE id = b.session_id AND cancelled_at IS NULL)
"""


def kept_for_retry(database: Database, batch_id: UUID) -> list[Imperfect]:
    """The images of a closed batch whose inputs are kept as long as its outputs."""
    return _imperfect(database.execute, _OF_BATCH, {"batch_id": batch_id})


# What is gone comes last, so that it keeps nothing else from being made again.
_OF_SESSION = """
i.session_id = %(session_id)s AND (%(ids)s::uuid[] IS NULL OR i.id = ANY(%(ids)s))
AND NOT EXISTS (
    SELECT FROM images AS n WHERE n.retry_of = i.id AND n.ended_number IS NULL)
AND (SELECT count(*) FROM images AS n WHERE n.retry_of = i.id) < %(most)s
ORDER BY gone, b.created_at, b.id, i.index LIMIT %(limit)s
"""


def find(database: Database, account_id: int, name: str) -> list[Imperfect]:
    """The session's images to make again, at most `MAX_IMAGES`, without those under way.

    Raises NotFoundError, and ConflictError for a cancelled session.
    """
    with database.transaction() as connection:
        return _find(connection, _open_session(connection, account_id, name))


def accept(
    database: Database,
    account_id: int,
    name: str,
    batches: Sequence[NewBatch],
    storage_limit_bytes: float,
) -> list[NewBatch]:
    """Writes the new batches with their reservations, and returns what it wrote.

    An image that another request makes again since it was found is left out, and so is a batch
    without another image. Raises what `credits.reserve` and `find` raise, and then writes nothing.
    """
    with database.transaction() as connection:
        session = _open_session(connection, account_id, name, lock="FOR NO KEY UPDATE")
        wanted = [image.old.id for batch in batches for image in batch.images]
        free = {old.id for old in _find(connection, session, wanted)}
        left = [
            replace(batch, images=[image for image in batch.images if image.old.id in free])
            for batch in batches
        ]
        images = [image for batch in left for image in batch.images]
        credits.reserve(
            connection,
            account_id,
            image_ids=[image.id for image in images if not image.old.is_done],
            ai_ids=[image.id for image in images if image.old.ai],
            new_bytes=sum(image.old.stored_bytes for image in images),
            storage_limit_bytes=storage_limit_bytes,
        )
        written = [batch for batch in left if batch.images]
        for batch in written:
            _insert(connection, batch)
    return written


_INSERT_BATCH = """
INSERT INTO batches (id, session_id, account_id, options, watermark_key, warnings, total,
    input_bytes, output_bytes)
SELECT %s, session_id, account_id, options, %s, '[]', %s, %s, %s FROM batches WHERE id = %s
"""
# It keeps the index, the file name, the estimate and what was written of the image that it makes
# again.
_INSERT_IMAGES = """
INSERT INTO images (id, retry_of, batch_id, session_id, index, original_name, original_size,
    original_sha256, folder, file_name, state, format, width, height, compressed_size, output_key,
    preview_key, watermarked, encoding, alt_text, warnings, cpu_seconds, max_cpu_seconds,
    memory_bytes)
SELECT new.id, o.id, %(batch_id)s, o.session_id, o.index, o.original_name, o.original_size,
    o.original_sha256, o.folder, o.file_name,
    CASE o.state WHEN 'done' THEN 'optimised' ELSE 'queued' END, o.format, o.width, o.height,
    o.compressed_size, new.output_key, new.preview_key, o.watermarked, o.encoding, o.alt_text,
    (SELECT coalesce(jsonb_agg(w ORDER BY place), '[]')
     FROM jsonb_array_elements(o.warnings) WITH ORDINALITY AS told (w, place)
     WHERE w->>'code' <> ALL(%(warnings)s)),
    o.cpu_seconds, o.max_cpu_seconds, o.memory_bytes
FROM unnest(%(ids)s::uuid[], %(old_ids)s::uuid[], %(output_keys)s::text[],
    %(preview_keys)s::text[]) AS new (id, old_id, output_key, preview_key)
JOIN images AS o ON o.id = new.old_id
"""


def _insert(connection: Connection, batch: NewBatch) -> None:
    images = batch.images
    input_bytes, output_bytes = (
        sum(image.old.stored_bytes for image in images if image.old.is_done is is_done)
        for is_done in (False, True)
    )
    values = (
        *(batch.id, batch.watermark_key, len(images), input_bytes, output_bytes),
        batch.old_id,
    )
    connection.execute(_INSERT_BATCH, values)
    webhooks.inherit(connection, batch.old_id, batch.id)
    connection.execute(
        _INSERT_IMAGES,
        {
            "batch_id": batch.id,
            "ids": [image.id for image in images],
            "old_ids": [image.old.id for image in images],
            "output_keys": [image.output_key for image in images],
            "preview_keys": [image.preview_key for image in images],
            "warnings": _CODES["warnings"],
        },
    )


def _open_session(connection: Connection, account_id: int, name: str, lock: str = "") -> Row:
    session = sessions.find(connection, account_id, name, lock)
    if session["cancelled_at"] is not None:
        raise ConflictError(f"Session {name} was cancelled; send its images in another session")
    return session


def _find(
    connection: Connection, session: Row, ids: Sequence[UUID] | None = None
) -> list[Imperfect]:
    values = {"session_id": session["id"], "ids": ids, "limit": MAX_IMAGES, "most": MAX_RETRIES}
    return _imperfect(within(connection), _OF_SESSION, values)


def _imperfect(execute: Execute, condition: str, values: dict[str, object]) -> list[Imperfect]:
    rows = execute(_IMPERFECT.format(condition=condition), values | _CODES)
    return [Imperfect(**row | {"format": ImageType(row["format"])}) for row in rows]
