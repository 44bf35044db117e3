"""The short road: one small image that somebody waits for, from its message to its answer.

What `measuring`, `optimising` and `closing` do one after the other, each with a message of its own,
one process does here, with the original in its hands. The rows change as on the long road, so that
whatever is lost half-way goes on there.
"""

from uuid import UUID

from shared.db import sending
from shared.services import Services
from workers.dispatching import dispatch_keeping
from workers.steps.closing import close_batch
from workers.steps.measuring import measure_express
from workers.steps.optimising import optimise


def express(services: Services, batch_id: UUID) -> None:
    """Measures the batch of one image whose turn it is, and makes the image if it may go now.

    batch_id: the one whose message came, which need not be measured first. Raises UnavailableError
    while a server is down.
    """
    measured = measure_express(services)
    if measured is None:
        _go_on(services, batch_id)
        return
    image = dispatch_keeping(services, measured.batch_id)
    if image is not None:
        optimise(services, image.id, measured.data)
        close_batch(services, measured.batch_id)


def _go_on(services: Services, batch_id: UUID) -> None:
    """The message came again, as its worker was told to end after it had measured the batch."""
    image_id = sending.marked_alone(services.database, batch_id)
    if image_id is not None:
        optimise(services, image_id)
        close_batch(services, batch_id)
