"""Celery tasks: each calls one step, with an id or none. Nothing is raised, nothing returned."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from celery import Celery

from shared.clients.celery_queue import (
    CALL_WEBHOOK_TASK,
    CLOSE_BATCH_TASK,
    DESCRIBE_TASK,
    EXPRESS_TASK,
    MEASURE_TASK,
    OPTIMISE_TASK,
)
from shared.errors import UnavailableError
from shared.services import Services
from workers import steps
from workers.request import ClaimRequest

if TYPE_CHECKING:  # see workers/celery.py
    from workers.ai.provider import Provider

logger = logging.getLogger(__name__)


def register(
    app: Celery, services: Callable[[], Services], provider: Callable[[], Provider]
) -> None:
    """Adds the tasks to the application. services, provider: return those of this process."""

    @app.task(name=MEASURE_TASK, shared=False)
    def measure(batch_id: str) -> None:
        _run(partial(steps.measure, services()), batch_id)

    @app.task(name=EXPRESS_TASK, shared=False, Request=ClaimRequest)
    def express(batch_id: str) -> None:
        _run(partial(steps.express, services()), batch_id)

    @app.task(name=OPTIMISE_TASK, shared=False, Request=ClaimRequest)
    def optimise(image_id: str) -> None:
        _run(partial(steps.optimise, services()), image_id)

    @app.task(name=DESCRIBE_TASK, shared=False)
    def describe(image_id: str) -> None:
        _run(partial(steps.describe, services(), provider()), image_id)

    @app.task(name=CLOSE_BATCH_TASK, shared=False)
    def close_batch(batch_id: str) -> None:
        _run(partial(steps.close_batch, services()), batch_id)

    @app.task(name=CALL_WEBHOOK_TASK, shared=False)
    def call_webhook() -> None:
        _run(partial(steps.call_webhook, services()))


def _run(step: Callable[..., None], *ids: str) -> None:
    try:
        step(*map(UUID, ids))
    except UnavailableError:
        # The sweep sends the work again.
        logger.warning("a step was not taken: a server is down", extra={"ids": ids})
