"""What goes out to the queues: waiting batches, one window at a time, and webhooks that are due.

Both functions are called whenever there may be something to send, and by the periodic process. Any
number of callers may run at once, because the rows decide (`shared.db.backlog`, `webhook_calls`).
"""

import logging

from shared.clients.celery_queue import Queue
from shared.db import backlog, webhook_calls
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


def dispatch_calls(database: Database, queue: Queue) -> None:
    """Publishes a message for each webhook that is due and may be called now.

    Raises UnavailableError. Messages that nobody has taken yet count, so that their number stays
    bounded while no worker runs.
    """
    startable = webhook_calls.count_startable(database)
    if startable:
        for _ in range(startable - queue.waiting_calls()):
            queue.publish_call()
