"""What goes out to the queues: waiting images, as far as there is room, and webhooks that are due.

All functions are called whenever there may be something to send, and by the periodic process. Any
number of callers may run at once, because the rows decide (`shared.db.sending`, `webhook_calls`).
"""

import logging
from collections import deque
from collections.abc import Sequence
from uuid import UUID

from shared.clients.celery_queue import Queue
from shared.db import sending, webhook_calls
from shared.db.database import Database
from shared.errors import UnavailableError
from shared.lanes import SentImage, Windows

logger = logging.getLogger(__name__)


def dispatch(database: Database, queue: Queue, windows: Windows) -> int:
    """Publishes the images whose turn it is while there is room for them; returns how many.

    An image that cannot be published is put back; one that a crash leaves marked but unsent is
    sent by the sweep.
    """
    if not sending.any_waits(database):
        return 0
    return _publish(database, queue, sending.take(database, windows))


def dispatch_keeping(
    database: Database, queue: Queue, windows: Windows, batch_id: UUID
) -> SentImage | None:
    """Does the same, but returns the one image of that batch, unpublished, if it may go to
    `express` now: its caller makes it.
    """
    images = sending.take(database, windows)
    kept = [one for one in images if one.batch_id == batch_id and one.is_alone_in_express]
    try:
        _publish(database, queue, [one for one in images if one not in kept])
    except UnavailableError as error:  # the sweep sends them; the kept one is made nevertheless
        logger.warning("images are marked and not sent: %s", error.message)
    return kept[0] if kept else None


def _publish(database: Database, queue: Queue, images: Sequence[SentImage]) -> int:
    unsent = deque(images)
    if not images:
        return 0
    try:
        with queue.publishing() as publish:
            while unsent:
                publish(unsent[0])
                unsent.popleft()
    except Exception as error:  # whatever it is, the rows are there and the images can wait
        expected = isinstance(error, UnavailableError)
        logger.warning(
            "images could not be published; they wait",
            extra={"images": len(unsent), "reason": str(error.__cause__ or error)},
            exc_info=not expected,
        )
        sending.put_back(database, unsent)
    return len(images) - len(unsent)


def dispatch_calls(database: Database, queue: Queue) -> None:
    """Publishes a message for each webhook that is due and may be called now.

    Raises UnavailableError. Messages that nobody has taken yet count, so that their number stays
    bounded while no worker runs.
    """
    startable = webhook_calls.count_startable(database)
    if startable:
        for _ in range(startable - queue.waiting_calls()):
            queue.publish_call()
