"""The entry point of a worker: `celery --app workers.celery worker --queues images`.

Services are built in the process that runs tasks, after the fork: connections do not survive
one.
"""

import os
import threading
import warnings
from functools import cache
from typing import Any

from celery import signals

from shared import logs, services, settings
from shared.clients.celery_queue import celery_app
from workers import tasks
from workers.ai.provider import Provider

# The PNG encoder's own threads, read when it first runs: one image is one core.
os.environ.setdefault("RAYON_NUM_THREADS", "1")

# libtiff's own bound on the scans of a JPEG within a TIFF is 100; imaging.formats.jpeg tells why
# that is too many.
os.environ.setdefault("LIBTIFF_JPEG_MAX_ALLOWED_SCAN_NUMBER", "25")

# What it warns of is pickle, and only JSON is taken (shared.clients.celery_queue).
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")

_building = threading.RLock()  # the first tasks of a worker with threads may come together


@cache
def _build() -> services.Services:
    return services.build(settings.load(), max_connections=4)


@cache
def _build_provider() -> Provider:
    built = process_services()
    return Provider(built.settings, built.redis)


def process_services() -> services.Services:
    """The services of this process, built when its first task asks for them."""
    with _building:
        return _build()


def process_provider() -> Provider:
    """The client of the model's provider, likewise."""
    with _building:
        return _build_provider()


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


app = celery_app(settings.load())
tasks.register(app, process_services, process_provider)
