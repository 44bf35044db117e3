"""The periodic process: a sweep every few seconds. Any number of copies may run.

A plain loop and not Celery beat, because upkeep must go on when the broker is down.
"""

import logging
import signal
import threading
import time

from shared import logs, settings, supervised
from shared.errors import UnavailableError
from shared.services import Services, build
from workers import sweep

logger = logging.getLogger(__name__)

_ORPHANS_EVERY_SECONDS = 3600


def run(services: Services, stop: threading.Event) -> None:
    """Sweeps until `stop` is set. An outage ends one pass, not the process."""
    next_orphans = time.monotonic()
    prepared = False
    while not stop.is_set():
        try:
            if not prepared:
                services.store.prepare()
                prepared = True
            sweep.sweep(services)
            if time.monotonic() >= next_orphans:
                sweep.delete_orphans(services.database, services.store)
                next_orphans = time.monotonic() + _ORPHANS_EVERY_SECONDS
        except UnavailableError as error:
            logger.warning("a sweep was cut short: %s", error.message)
        stop.wait(services.settings.sweep_seconds)


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    logs.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    services = build(settings.load(), max_connections=2)
    supervised.tell_ready()
    try:
        run(services, stop)
    finally:
        services.close()


if __name__ == "__main__":
    main()
