"""dispatch(): sends waiting batches to the workers, one window at a time, fair between accounts.

It is called whenever the window may have room, and by the periodic process. Any number of callers
may run at once, because the rows decide (`shared.db.backlog`).
"""

import logging

from shared.clients.celery_queue import Queue
from shared.db import backlog
from shared.db.database import Database
from shared.errors import UnavailableError

logger = logging.getLogger(__name__)


def dispatch(database: Database, queue: Queue, window_images: int, ai_window_images: int) -> int:
    """Publishes batches while fewer than `window_images` images wait for a core; returns how many.

    A batch with AI goes out only while fewer than `ai_window_images` images of such batches are
    open, so that a slow provider holds up no other batch. The account that was served longest ago
    goes first. A batch that cannot be published is put back; one that a crash leaves published
    but unsent is sent by the sweep.
    """
    published = 0
    while (batch := backlog.take_batch(database, window_images, ai_window_images)) is not None:
        try:
            queue.publish_batch(batch.id, batch.image_ids, batch.optimised_ids, ai=batch.ai)
        except Exception as error:  # whatever it is, the rows are there and the batch can wait
            expected = isinstance(error, UnavailableError)
            logger.warning(
                "a batch could not be published; it waits",
                extra={"batch": batch.id, "reason": str(error.__cause__ or error)},
                exc_info=not expected,
            )
            backlog.put_back(database, batch.id)
            break
        published += 1
    return published
