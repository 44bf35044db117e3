"""The entry point of a worker: `celery --app workers.celery worker --queues images`.

Services are built after the fork, in the process that runs tasks: connections do not survive it.
"""

import os
import threading
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from celery import signals

from shared import logs, services, settings
from shared.clients.celery_queue import celery_app
from workers import tasks

if TYPE_CHECKING:
    from workers.ai.provider import Provider

# Threads of the PNG encoder, read when it first runs: one image uses one core.
os.environ.setdefault("RAYON_NUM_THREADS", "1")

# libtiff's own bound on the scans of a JPEG within a TIFF is 100; imaging.formats.jpeg tells why
# that is too many.
os.environ.setdefault("LIBTIFF_JPEG_MAX_ALLOWED_SCAN_NUMBER", "25")

# The warning is about pickle, and only JSON is accepted (shared.clients.celery_queue).
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")

_building = threading.RLock()  # the first tasks of a threaded worker may run at once


@cache
def _build() -> services.Services:
    return services.build(settings.load(), max_connections=4)


@cache
def _build_provider() -> "Provider":
    # Imported where it is used: the provider's package takes 2 s of CPU and 60 MB to import, and
    # most workers never describe an image.
    from workers.ai.provider import Provider

    built = _services()
    return Provider(built.settings, built.redis)


def _services() -> services.Services:
    """The services of this process, built when its first task needs them."""
    with _building:
        return _build()


def _provider() -> "Provider":
    """The AI provider's client of this process, built in the same way."""
    with _building:
        return _build_provider()


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


app = celery_app(settings.load())
tasks.register(app, _services, _provider)
