"""Dispatching from a process of low priority.

The dispatcher's lock is one for all: a process that busy cores keep waiting would hold it for long.
So a thread dispatches that has the priority of other processes; on Linux each thread has its own.
"""

import logging
import threading
from queue import SimpleQueue

from shared.errors import UnavailableError
from shared.services import Services

logger = logging.getLogger(__name__)

_asked: "SimpleQueue[Services]" = SimpleQueue()
_started = threading.Event()


def start() -> None:
    """Starts the thread of this process; call it before the priority is lowered."""
    threading.Thread(target=_run, name="dispatch", daemon=True).start()
    _started.set()


def dispatch(services: Services) -> None:
    """Has waiting images sent soon; at once where this process has no such thread."""
    if _started.is_set():
        _asked.put(services)
    else:
        services.dispatch()


def _run() -> None:
    while True:
        services = _asked.get()
        while not _asked.empty():
            services = _asked.get()
        try:
            services.dispatch()
        except UnavailableError as error:  # the periodic process dispatches too
            logger.warning("images could not be dispatched: %s", error.message)
        except Exception:
            logger.exception("images could not be dispatched")
