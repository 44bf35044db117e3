"""The step before all others: what each image of a batch will cost, from its header.

Only then the batch may go to the cores, and in the order that this work decides. What cannot be
made at all ends here.
"""

import logging
import math
import time
from collections import Counter, OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from uuid import UUID

from shared import logs
from shared.clients.object_store import original_key
from shared.db import estimates
from shared.db.database import Database
from shared.db.estimates import Estimate, Refusal, UnmeasuredBatch, UnmeasuredImage
from shared.db.image_states import State
from shared.errors import NOT_PROCESSED, ImageError, ObjectMissingError, UnavailableError
from shared.lanes import EXPRESS_BYTES
from shared.services import Services
from workers.steps.planning import planned

logger = logging.getLogger("fluximage.images")

# Batches that one process measures at a time, an original of each in memory: 20 MB at most, since
# some headers can only be read to the end.
_BATCHES_AT_ONCE = 6
# Of one account, so that one is left for another account's; and as many that are waited for.
_BATCHES_OF_ACCOUNT = 2
_ACCOUNTS_REMEMBERED = 1_000
_LEASE_SECONDS = 30  # far more than a batch takes; measured twice, it only costs twice


class _Turns:
    """Whose batches this process measures, and whose it has measured last."""

    def __init__(self) -> None:
        self.places = BoundedSemaphore(_BATCHES_AT_ONCE)
        self._lock = Lock()
        self._under_way: Counter[tuple[int, bool]] = Counter()
        self._served: OrderedDict[int, None] = OrderedDict()

    def take(self, database: Database, *, express: bool = False) -> UnmeasuredBatch | None:
        """The batch whose turn it is; `end` must follow. express: of those for `express`."""
        with self._lock:
            busy = [one for one, count in self._under_way.items() if count >= _BATCHES_OF_ACCOUNT]
            batch = estimates.take_next(
                database, _LEASE_SECONDS, busy=busy, served=list(self._served), express=express
            )
            if batch is not None:
                self._under_way[batch.account_id, batch.waited_for] += 1
                self._served[batch.account_id] = None
                self._served.move_to_end(batch.account_id)
                while len(self._served) > _ACCOUNTS_REMEMBERED:
                    self._served.popitem(last=False)
        return batch

    def end(self, batch: UnmeasuredBatch) -> None:
        """Lets another batch of the account be taken."""
        with self._lock:
            self._under_way[batch.account_id, batch.waited_for] -= 1
            self._under_way += Counter()  # drops those that are zero


_turns = _Turns()

# Another machine may have more memory than this one, so memory is a matter of the next step.
_ANY_MEMORY = math.inf

_NOT_PROCESSED = Refusal(ImageError.code, NOT_PROCESSED)


@dataclass(frozen=True)
class _Measured:
    """What was found of one image. cpu_seconds: what that took. data: the original, if `express`
    may make it.
    """

    image: UnmeasuredImage
    found: Estimate | Refusal
    cpu_seconds: float
    data: bytes = b""


@dataclass(frozen=True)
class MeasuredExpress:
    """A batch of one image that has its estimate now. data: its original."""

    batch_id: UUID
    data: bytes


def measure(services: Services, batch_id: UUID) -> None:
    """Measures the batches whose turn it is, until none is left that this process may take.

    batch_id: the one whose message came, which need not be first. Estimates the queued images of
    each, refuses those that cannot be made, and dispatches. Raises UnavailableError while a server
    is down: nothing is written then, and the sweep has the batch measured later.
    """
    with logs.about(batch=batch_id):
        if not _turns.places.acquire(blocking=False):
            return  # those who have the places go on until nothing is left
        try:
            batch = _turns.take(services.database)
            if batch is None:
                services.dispatch()  # a retry keeps its estimates, and a message may come twice
            while batch is not None:
                if _estimated(_measure_taken(services, batch)):
                    services.dispatch()
                batch = _turns.take(services.database)
        finally:
            _turns.places.release()


def measure_express(services: Services) -> MeasuredExpress | None:
    """Measures the batch for `express` whose turn it is, and leaves the dispatch to its caller.

    Returns None where there is none, or its image cannot be made. Raises UnavailableError.
    """
    batch = _turns.take(services.database, express=True)
    if batch is None:
        return None
    for one in _estimated(_measure_taken(services, batch)):
        return MeasuredExpress(batch.id, one.data)
    return None


def _estimated(measured: list[_Measured]) -> list[_Measured]:
    return [one for one in measured if isinstance(one.found, Estimate)]


def _measure_taken(services: Services, batch: UnmeasuredBatch) -> list[_Measured]:
    try:
        with logs.about(batch=batch.id):
            return _measure(services, batch)
    except BaseException:
        with suppress(UnavailableError):
            estimates.give_back(services.database, batch.id)
        raise
    finally:
        _turns.end(batch)


def _measure(services: Services, batch: UnmeasuredBatch) -> list[_Measured]:
    logs.add(account=batch.account_id, session=batch.session_name)
    started = time.perf_counter()
    measured = [_look_at(services, batch, image) for image in batch.images]
    good = {one.image.id: one.found for one in measured if isinstance(one.found, Estimate)}
    refused = {one.image.id: one.found for one in measured if isinstance(one.found, Refusal)}
    cpu_seconds = sum(one.cpu_seconds for one in measured)
    ended = estimates.save(services.database, batch, good, refused, cpu_seconds)
    if ended:
        services.announce(ended[-1])  # all are of one session, and the last one closes the batch
    _report(services, batch, measured, time.perf_counter() - started)
    return measured


def _look_at(services: Services, batch: UnmeasuredBatch, image: UnmeasuredImage) -> _Measured:
    started = time.thread_time()
    with logs.about(batch=batch.id, image=image.id):
        found, data = _estimate(services, batch, image)
    kept = data if len(batch.images) == 1 and len(data) <= EXPRESS_BYTES else b""
    return _Measured(image, found, time.thread_time() - started, kept)


def _estimate(
    services: Services, batch: UnmeasuredBatch, image: UnmeasuredImage
) -> tuple[Estimate | Refusal, bytes]:
    """What was found, and the original."""
    try:
        data = services.store.get(original_key(batch.id, image.index))
        _, plan = planned(services.settings, batch.options, data, _ANY_MEMORY)
    except ImageError as error:
        return Refusal(error.code, error.message), b""
    except ObjectMissingError:
        # Cancelled meanwhile, or lost: another attempt cannot bring it back.
        return _NOT_PROCESSED, b""
    except UnavailableError:
        raise
    except Exception:
        # A fault of ours: the other images of the batch are none the worse.
        logger.exception("an image could not be measured")
        return _NOT_PROCESSED, b""
    cost = plan.cost
    return Estimate(cost.cpu_seconds, cost.max_cpu_seconds, cost.memory_bytes), data


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
