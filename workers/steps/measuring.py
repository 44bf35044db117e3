"""The step before all others: what each image of a batch will cost, from its header.

Only then the batch may go to the cores, and in the order that this work decides. What cannot be
made at all ends here.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore
from uuid import UUID

from shared import logs
from shared.clients.object_store import original_key
from shared.db import estimates
from shared.db.estimates import Estimate, Refusal, UnmeasuredBatch, UnmeasuredImage
from shared.db.image_states import State
from shared.errors import NOT_PROCESSED, ImageError, ObjectMissingError, UnavailableError
from shared.services import Services
from workers.steps.planning import planned

logger = logging.getLogger("fluximage.images")

# Each is held in memory whole, 20 MB at most: some headers can only be read to the end. A batch
# asks for its next place when it has had its last one, so a small one does not wait for all of a
# large one.
_ORIGINALS_AT_ONCE = 4
_places = BoundedSemaphore(_ORIGINALS_AT_ONCE)
_threads = ThreadPoolExecutor(_ORIGINALS_AT_ONCE, thread_name_prefix="measure")

# Another machine may have more memory than this one, so memory is a matter of the next step.
_ANY_MEMORY = math.inf

_NOT_PROCESSED = Refusal(ImageError.code, NOT_PROCESSED)


@dataclass(frozen=True)
class _Measured:
    """What was found of one image. cpu_seconds: what that took."""

    image: UnmeasuredImage
    found: Estimate | Refusal
    cpu_seconds: float


def measure(services: Services, batch_id: UUID) -> None:
    """Estimates the queued images of a batch, refuses those that cannot be made, and dispatches.

    Raises UnavailableError while a server is down: nothing is written then, and the sweep has the
    batch measured later.
    """
    with logs.about(batch=batch_id):
        if batch := estimates.unmeasured(services.database, batch_id):
            _measure(services, batch)
        else:
            services.dispatch()  # a retry that keeps its estimates, or a message that came twice


def _measure(services: Services, batch: UnmeasuredBatch) -> None:
    logs.add(account=batch.account_id, session=batch.session_name)
    started = time.perf_counter()
    measured = list(_each(services, batch))
    good = {one.image.id: one.found for one in measured if isinstance(one.found, Estimate)}
    refused = {one.image.id: one.found for one in measured if isinstance(one.found, Refusal)}
    cpu_seconds = sum(one.cpu_seconds for one in measured)
    ended = estimates.save(services.database, batch, good, refused, cpu_seconds)
    if ended:
        services.announce(ended[-1])  # all are of one session, and the last one closes the batch
    if good:
        services.dispatch()
    _report(services, batch, measured, time.perf_counter() - started)


def _each(services: Services, batch: UnmeasuredBatch) -> Iterator[_Measured]:
    """Measures all images, some at a time; no further ones after a fault of a server."""
    under_way: deque[Future[_Measured]] = deque()
    for image in batch.images:
        if len(under_way) == _ORIGINALS_AT_ONCE:
            yield under_way.popleft().result()
        _places.acquire()
        future = _threads.submit(_look_at, services, batch, image)
        future.add_done_callback(lambda _: _places.release())
        under_way.append(future)
    for future in under_way:
        yield future.result()


def _look_at(services: Services, batch: UnmeasuredBatch, image: UnmeasuredImage) -> _Measured:
    started = time.thread_time()
    with logs.about(batch=batch.id, image=image.id):
        found = _estimate(services, batch, image)
    return _Measured(image, found, time.thread_time() - started)


def _estimate(
    services: Services, batch: UnmeasuredBatch, image: UnmeasuredImage
) -> Estimate | Refusal:
    try:
        data = services.store.get(original_key(batch.id, image.index))
        _, plan = planned(services.settings, batch.options, data, _ANY_MEMORY)
    except ImageError as error:
        return Refusal(error.code, error.message)
    except ObjectMissingError:
        # Cancelled meanwhile, or lost: another attempt cannot bring it back.
        return _NOT_PROCESSED
    except UnavailableError:
        raise
    except Exception:
        # A fault of ours: the other images of the batch are none the worse.
        logger.exception("an image could not be measured")
        return _NOT_PROCESSED
    cost = plan.cost
    return Estimate(cost.cpu_seconds, cost.max_cpu_seconds, cost.memory_bytes)


def _report(
    services: Services, batch: UnmeasuredBatch, measured: list[_Measured], seconds: float
) -> None:
    format = batch.options.format.value
    count = services.metrics.count_image
    count(State.QUEUED, format, {"measure": seconds}, sum(one.cpu_seconds for one in measured))
    for one in measured:
        if isinstance(one.found, Refusal):
            facts = {"image": one.image.id, "result": one.found.code, "format": format}
            logger.info("image", extra=facts | {"bytes_in": one.image.size})
            count(State.FAILED, format, {})
