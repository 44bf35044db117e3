"""What is not deleted when a batch has ended: the inputs that a retry needs."""

from uuid import UUID

from shared.clients.object_store import original_key
from shared.db import retries
from shared.db.database import Database


def kept_keys(database: Database, batch_id: UUID) -> set[str]:
    """The keys of those inputs; they are deleted with the batch's outputs."""
    kept: set[str | None] = set()
    for image in retries.kept_for_retry(database, batch_id):
        if image.is_done:
            kept.add(image.preview_key)
        else:
            kept |= {original_key(batch_id, image.index), image.watermark_key}
    return {key for key in kept if key}
