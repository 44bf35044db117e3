"""New batches in the place of old ones: copies of what their images start from.

The copies are the new batches' own, so that each batch is deleted by its own clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from uuid import UUID, uuid4

from shared.clients.object_store import (
    ObjectStore,
    batch_prefix,
    original_key,
    output_key,
    preview_key,
    watermark_key,
)
from shared.db.retries import Imperfect, NewBatch, NewImage
from shared.errors import ObjectMissingError, StoreError

_COPIES_AT_ONCE = 8


def copy_batches(store: ObjectStore, images: Sequence[Imperfect]) -> list[NewBatch]:
    """A new batch for each old one, without the images of which something is gone.

    None is empty. Raises StoreError, and then leaves nothing behind.
    """
    by_batch: dict[UUID, list[Imperfect]] = defaultdict(list)
    for image in images:
        by_batch[image.batch_id].append(image)
    new_ids = {old_id: uuid4() for old_id in by_batch}
    try:
        with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
            batches = [
                _copy_batch(store, pool, new_ids[old_id], of_batch)
                for old_id, of_batch in by_batch.items()
            ]
    except StoreError:
        delete_copies(store, new_ids.values())
        raise
    delete_copies(store, [batch.id for batch in batches if not batch.images])
    return [batch for batch in batches if batch.images]


def delete_copies(store: ObjectStore, batch_ids: Iterable[UUID]) -> None:
    """Deletes what was copied for batches that are not accepted."""
    with suppress(StoreError):  # the sweep deletes objects that no batch owns
        for batch_id in batch_ids:
            store.delete_prefix(batch_prefix(batch_id))


def _copy_batch(
    store: ObjectStore, pool: ThreadPoolExecutor, batch_id: UUID, images: Sequence[Imperfect]
) -> NewBatch:
    mark = next((image.watermark_key for image in images if not image.is_done), None)
    new_mark = watermark_key(batch_id) if mark else None
    if mark and new_mark and not _copy(store, (mark, new_mark)):
        images = [image for image in images if image.is_done]
    copied = pool.map(partial(_copy_image, store, batch_id), images)
    found = [image for image in copied if image]
    return NewBatch(batch_id, images[0].batch_id if images else batch_id, new_mark, found)


def _copy_image(store: ObjectStore, batch_id: UUID, old: Imperfect) -> NewImage | None:
    """None where something is gone."""
    image_id, token = uuid4(), uuid4()
    if not old.is_done:
        original = original_key(old.batch_id, old.index), original_key(batch_id, old.index)
        return NewImage(image_id, old) if _copy(store, original) else None
    if old.output_key is None or old.preview_key is None:
        return None
    output, preview = output_key(batch_id, token, old.format), preview_key(batch_id, token)
    is_copied = _copy(store, (old.output_key, output), (old.preview_key, preview))
    return NewImage(image_id, old, output, preview) if is_copied else None


def _copy(store: ObjectStore, *keys: tuple[str, str]) -> bool:
    """Whether every object of the pairs was there to be copied."""
    try:
        for key, copy_key in keys:
            store.copy(key, copy_key)
    except ObjectMissingError:
        return False
    return True
