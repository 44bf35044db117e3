"""A Celery worker in a thread of the test's process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from celery import signals
from celery.contrib.testing.worker import start_worker

from shared.clients.celery_queue import AI_QUEUE, EXPRESS_QUEUE, IMAGES_QUEUE, IO_QUEUE, celery_app
from shared.services import Services
from workers import tasks
from workers.ai.provider import Provider


def no_provider() -> NoReturn:
    """For tests in which nobody asks for a text."""
    raise AssertionError


@contextmanager
def thread_worker(
    services: Services, provider: Callable[[], Provider] = no_provider
) -> Iterator[None]:
    """One worker on all queues."""
    app = celery_app(services.settings)
    tasks.register(app, lambda: services, provider)
    queues = [IMAGES_QUEUE, EXPRESS_QUEUE, AI_QUEUE, IO_QUEUE]
    # Else Celery would change the root logger for all tests after this one.
    signals.setup_logging.connect(_leave_logging)
    try:
        with start_worker(app, pool="solo", perform_ping_check=False, queues=queues, loglevel=40):
            yield
    finally:
        signals.setup_logging.disconnect(_leave_logging)


def _leave_logging(**_: Any) -> None:
    """Celery configures logging itself where nobody is connected to its signal."""
