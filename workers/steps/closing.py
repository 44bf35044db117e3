"""The body of a batch's chord: runs after its last image."""

from uuid import UUID

from shared.clients.object_store import inputs_prefix, original_key
from shared.db import sessions, upkeep
from shared.services import Services
from workers.kept_inputs import kept_keys


def close_batch(services: Services, batch_id: UUID) -> None:
    """Closes the batch if its last commit did not, and deletes the inputs that nobody needs."""
    plain = upkeep.plain_inputs(services.database, batch_id)
    if plain is not None:  # nearly always: no list has to be asked for
        keys = [original_key(batch_id, index) for index in plain.indexes]
        services.store.delete(*keys, *filter(None, [plain.watermark_key]))
        upkeep.note_inputs_deleted(services.database, batch_id)
        return
    for ended in upkeep.close_ended_batches(services.database, batch_id):
        services.announce(ended)
    if sessions.is_batch_closed(services.database, batch_id):
        kept = kept_keys(services.database, batch_id)
        services.store.delete_prefix(inputs_prefix(batch_id), kept)
        upkeep.note_inputs_deleted(services.database, batch_id)
