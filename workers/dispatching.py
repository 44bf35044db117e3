"""Dispatching from a process of low priority.

The dispatcher's lock is one for all: a process that busy cores keep waiting would hold it for long.
So a thread dispatches that has the priority of other processes; on Linux each thread has its own.
"""

import logging
import threading
from functools import cache
from queue import SimpleQueue

from shared.errors import UnavailableError
from shared.services import Services

logger = logging.getLogger(__name__)


@cache
def _asked() -> "SimpleQueue[Services]":
    return SimpleQueue()


def start() -> None:
    """Starts the thread of this process; call it before the priority is lowered."""
    threading.Thread(target=_run, args=(_asked(),), name="dispatch", daemon=True).start()


def dispatch(services: Services) -> None:
    """Has waiting images sent soon; at once where this process has no such thread."""
    if _asked.cache_info().currsize:
        _asked().put(services)
    else:
        services.dispatch()


def _run(asked: "SimpleQueue[Services]") -> None:
    while True:
        services = asked.get()
        while not asked.empty():
            services = asked.get()
        try:
            services.dispatch()
        except UnavailableError as error:  # the periodic process dispatches too
            logger.warning("images could not be dispatched: %s", error.message)
        except Exception:
            logger.exception("images could not be dispatched")
