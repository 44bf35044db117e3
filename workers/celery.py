"""The entry point of a worker: `celery --app workers.celery worker --queues images`.

Services are built in the process that runs tasks, after the fork: connections do not survive
one.
"""

import os
import threading
import warnings
from typing import Any

from celery import signals

from shared import logs, services, settings
from shared.queue import celery_app
from workers import tasks

# The PNG encoder's own threads, read when it first runs: one image is one core.
os.environ.setdefault("RAYON_NUM_THREADS", "1")

# What it warns of is pickle, and only JSON is taken (shared.queue).
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")

_building = threading.Lock()  # the I/O worker's first tasks may come together
_built: list[services.Services] = []


def process_services() -> services.Services:
    """The services of this process, built when its first task asks for them."""
    with _building:
        if not _built:
            _built.append(services.build(settings.load(), max_connections=4))
        return _built[0]


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


app = celery_app(settings.load())
tasks.register(app, process_services)
