"""Accepting a batch: one transaction writes all of it, or nothing of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.db import credits, file_names, idempotency, webhooks
from shared.db.database import Connection, Database, one
from shared.errors import ConflictError
from shared.lanes import EXPRESS_BYTES
from shared.models import Notice, Options
from shared.naming import stem_of


@dataclass(frozen=True)
class NewImage:
    """One uploaded file whose original is stored already."""

    id: UUID
    original_name: str
    size: int
    sha256: bytes
    folder: str | None = None


@dataclass(frozen=True)
class NewBatch:
    """A validated request, ready to be accepted.

    storage_limit_bytes: what the account may store, with this batch.
    """

    id: UUID
    account_id: int
    session_name: str
    options: Options
    images: Sequence[NewImage]
    watermark_key: str | None
    notices: Sequence[Notice]
    idempotency: idempotency.KeyClaim | None
    webhook_url: str | None = None
    waited_for: bool = False  # by the request itself
    watermark_size: int = 0
    storage_limit_bytes: float = math.inf

    @property
    def input_bytes(self) -> int:
        """What is stored of it now."""
        return sum(image.size for image in self.images) + self.watermark_size

    @property
    def is_express(self) -> bool:
        """Whether `express` measures it: one image that somebody waits for, soon read, no text."""
        is_short = len(self.images) == 1 and self.images[0].size <= EXPRESS_BYTES
        return is_short and self.waited_for and self.options.description_request is None


def accept(database: Database, session_id: UUID, batch: NewBatch) -> UUID:
    """Writes session, batch, images and reservations; returns the session's id.

    `session_id` is used when the session is new. Raises PlanLimitError, AiNotAvailableError,
    NoCreditsError or StorageLimitError when the batch does not fit, ConflictError for a cancelled
    session or when another request under the same Idempotency-Key took over.
    """
    with database.transaction() as connection:
        session_id = _open_session(connection, session_id, batch)
        image_ids = [image.id for image in batch.images]
        ai = batch.options.description_request is not None
        credits.reserve(
            connection,
            batch.account_id,
            image_ids=image_ids,
            ai_ids=image_ids if ai else [],
            new_bytes=batch.input_bytes,
            storage_limit_bytes=batch.storage_limit_bytes,
        )
        _insert_batch(connection, session_id, batch)
        _insert_images(connection, session_id, batch)
        if batch.webhook_url is not None:
            webhooks.insert(connection, batch.id, batch.webhook_url)
        if batch.idempotency is not None:
            idempotency.finish(connection, batch.idempotency, batch.id)
    return session_id


# DO UPDATE and not DO NOTHING: the row must come back, and locked.
_OPEN_SESSION = """
INSERT INTO sessions (id, account_id, name) VALUES (%s, %s, %s)
ON CONFLICT (account_id, name) DO UPDATE SET cancelled_at = sessions.cancelled_at
RETURNING id, cancelled_at
"""


def _open_session(connection: Connection, session_id: UUID, batch: NewBatch) -> UUID:
    values = (session_id, batch.account_id, batch.session_name)
    row = one(connection.execute(_OPEN_SESSION, values).fetchone())
    if row["cancelled_at"] is not None:
        raise ConflictError(
            f"Session {batch.session_name} was cancelled; send this batch under another sessionId"
        )
    found: UUID = row["id"]
    return found


_INSERT_BATCH = """
INSERT INTO batches (id, session_id, account_id, options, watermark_key, warnings, total,
    input_bytes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def _insert_batch(connection: Connection, session_id: UUID, batch: NewBatch) -> None:
    connection.execute(
        _INSERT_BATCH,
        (
            batch.id,
            session_id,
            batch.account_id,
            Jsonb(batch.options.to_json()),
            batch.watermark_key,
            Jsonb([notice.to_json() for notice in batch.notices]),
            len(batch.images),
            batch.input_bytes,
        ),
    )


_INSERT_IMAGES = """
INSERT INTO images (id, batch_id, session_id, index, original_name, original_size,
    original_sha256, folder, file_name, waited_for)
SELECT id, %s, %s, index - 1, name, size, sha256, folder, file, %s
FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::bytea[], %s::text[], %s::text[])
WITH ORDINALITY AS new (id, name, size, sha256, folder, file, index)
"""


def _insert_images(connection: Connection, session_id: UUID, batch: NewBatch) -> None:
    folders = file_names.take_folders(
        connection, session_id, [image.folder for image in batch.images]
    )
    names = [
        file_names.take(
            connection, session_id, folder, stem_of(image.original_name), batch.options.format
        )
        for folder, image in zip(folders, batch.images, strict=True)
    ]
    connection.execute(
        _INSERT_IMAGES,
        (
            batch.id,
            session_id,
            batch.waited_for,
            [image.id for image in batch.images],
            [image.original_name for image in batch.images],
            [image.size for image in batch.images],
            [image.sha256 for image in batch.images],
            folders,
            names,
        ),
    )
