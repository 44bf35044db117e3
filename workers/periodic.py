"""The periodic process: a sweep every few seconds. Any number of copies may run.

A plain loop and not Celery beat, because upkeep must go on when the broker is down.
"""

import logging
import math
import signal
import threading
import time

from shared import heartbeat, logs, settings, supervised
from shared.errors import DatabaseDownError, UnavailableError
from shared.services import Services, build
from shared.settings import Settings
from workers import sweep
from workers.steps import describing

logger = logging.getLogger(__name__)

_ORPHANS_EVERY_SECONDS = 3600
_SWEEP_SECONDS = 120  # how long one sweep may take before its process counts as stuck


def run(services: Services, stop: threading.Event) -> None:
    """Sweeps until `stop` is set. An outage ends one pass, not the process."""
    next_orphans = time.monotonic()
    prepared = False
    outage_until = -math.inf  # when the last lease ends that ran while Postgres was down
    while not stop.is_set():
        try:
            if not prepared:
                services.store.prepare()
                prepared = True
            sweep.sweep(services, after_outage=time.monotonic() < outage_until)
            heartbeat.beat("periodic", services.settings.sweep_seconds + _SWEEP_SECONDS)
            if time.monotonic() >= next_orphans:
                heartbeat.beat("periodic", _ORPHANS_EVERY_SECONDS)  # a large bucket takes long
                sweep.delete_orphans(services.database, services.store)
                next_orphans = time.monotonic() + _ORPHANS_EVERY_SECONDS
        except UnavailableError as error:
            logger.warning("a sweep was cut short: %s", error.message)
            if isinstance(error, DatabaseDownError):
                outage_until = time.monotonic() + _longest_lease_seconds(services.settings)
        stop.wait(services.settings.sweep_seconds)


def _longest_lease_seconds(settings: Settings) -> float:
    of_description = describing.lease_seconds(settings)
    return max(settings.lease_seconds, of_description) + 2 * settings.sweep_seconds


def main() -> None:
    """Runs until SIGTERM or SIGINT."""
    logs.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    services = build(settings.load_or_exit(), max_connections=2)
    supervised.tell_ready()
    try:
        run(services, stop)
    finally:
        services.close()


if __name__ == "__main__":
    main()
