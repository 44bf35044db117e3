"""Dispatching from a process of low priority.

The dispatcher's lock is one for all: a process that busy cores keep waiting would hold it for long.
So a thread dispatches that has the priority of other processes; on Linux each thread has its own.
"""

import logging
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from uuid import UUID

from shared.errors import UnavailableError
from shared.lanes import SentImage
from shared.services import Services

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Asked:
    """answer: of `dispatch_keeping` for the batch; None where nobody waits for one."""

    services: Services
    batch_id: UUID | None = None
    answer: "Future[SentImage | None] | None" = None


_asked: "SimpleQueue[_Asked]" = SimpleQueue()
_started = threading.Event()


def start() -> None:
    """Starts the thread of this process; call it before the priority is lowered."""
    threading.Thread(target=_run, name="dispatch", daemon=True).start()
    _started.set()


def dispatch(services: Services) -> None:
    """Has waiting images sent soon; at once where this process has no such thread."""
    if _started.is_set():
        _asked.put(_Asked(services))
    else:
        services.dispatch()


def dispatch_keeping(services: Services, batch_id: UUID) -> SentImage | None:
    """`Services.dispatch_keeping`, by the thread where there is one. Raises UnavailableError."""
    if not _started.is_set():
        return services.dispatch_keeping(batch_id)
    answer: Future[SentImage | None] = Future()
    _asked.put(_Asked(services, batch_id, answer))
    return answer.result()


def _run() -> None:
    while True:
        asked = _asked.get()
        if asked.batch_id is not None and asked.answer is not None:
            _answer(asked.services, asked.batch_id, asked.answer)
        elif _asked.empty():  # else the next one sends all that waits
            _dispatch(asked.services)


def _answer(services: Services, batch_id: UUID, answer: "Future[SentImage | None]") -> None:
    try:
        answer.set_result(services.dispatch_keeping(batch_id))
    except Exception as error:  # noqa: BLE001 - who waits gets it
        answer.set_exception(error)


def _dispatch(services: Services) -> None:
    try:
        services.dispatch()
    except UnavailableError as error:  # the periodic process dispatches too
        logger.warning("images could not be dispatched: %s", error.message)
    except Exception:
        logger.exception("images could not be dispatched")
