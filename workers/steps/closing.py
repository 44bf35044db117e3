"""After a batch's last image."""

from uuid import UUID

from shared import sessions, sweeper
from shared.services import Services
from shared.store import inputs_prefix


def close_batch(services: Services, batch_id: UUID) -> None:
    """After a batch's last image: closes it should the last commit not have, and tidies up."""
    for closing in sweeper.close_ended_batches(services.database, batch_id):
        services.announce(closing)
    if sessions.is_batch_closed(services.database, batch_id):
        services.store.delete_prefix(inputs_prefix(batch_id))
        sweeper.mark_inputs_deleted(services.database, batch_id)
