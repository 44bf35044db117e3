"""The entry point of a worker: `celery --app workers.celery worker --queues images`.

Services are built after the fork, in the process that runs tasks: connections do not survive it.
"""

import logging
import os
import threading
import warnings
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

from celery import Celery, signals
from redis.exceptions import RedisError

from shared import heartbeat, logs, services, settings, supervised
from shared.clients.celery_queue import AI_QUEUE, CALLS_QUEUE, IMAGES_QUEUE, IO_QUEUE, celery_app
from shared.db import upkeep, webhook_calls
from shared.errors import UnavailableError
from workers import dispatching, lost_claims, tasks, termination
from workers.codec_limits import set_codec_limits
from workers.holder import WORKER
from workers.self_check import SelfCheck

if TYPE_CHECKING:
    from workers.ai.provider import Provider

logger = logging.getLogger(__name__)

set_codec_limits()

# The warning is about pickle, and only JSON is accepted (shared.clients.celery_queue).
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")

_GOOD_SECONDS = 30  # a machine that is busy with images may be late with some

_NICENESS = 10  # a process without has ten times the weight, and so a core when it wants one

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


@signals.heartbeat_sent.connect
def _beat(sender: Any, **_: Any) -> None:
    """Every two seconds, while the worker's event loop runs and has a connection to its broker."""
    worker = sender.eventer.hostname
    fault = _self_check().fault(worker) if _takes_pixels(sender.eventer.app) else ""
    heartbeat.beat(worker.partition("@")[0], _GOOD_SECONDS, fault)


def _takes_pixels(worker: Celery) -> bool:
    return not {*worker.amqp.queues.consume_from} <= {AI_QUEUE, CALLS_QUEUE, IO_QUEUE}


@cache
def _self_check() -> SelfCheck:
    return SelfCheck(settings.load())


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


@signals.worker_process_init.connect
def _obey_only_the_main_process(**_: Any) -> None:
    termination.obey_only_the_parent()


@signals.worker_process_init.connect
def _let_others_go_first(**_: Any) -> None:
    if IMAGES_QUEUE in app.amqp.queues.consume_from:
        # A backlog keeps all cores busy for hours: answers, stores and small images go first.
        dispatching.start()
        os.nice(_NICENESS)


@signals.worker_init.connect
def _end_claims_of_predecessor(**_: Any) -> None:
    if supervised.slot() is None:
        return  # no other worker has had our name
    try:
        with closing(services.build(settings.load(), max_connections=1)) as built:
            lost_claims.end(built, upkeep.claims_of_worker(built.database, WORKER))
            webhook_calls.end_claims_of_worker(built.database, WORKER)
    except (UnavailableError, RedisError):
        logger.warning("claims of a killed worker were not ended; their leases will end")


@signals.worker_process_shutdown.connect  # of each process of a pool
@signals.worker_shutdown.connect  # of threads
def _add_last_metrics(**_: Any) -> None:
    if _build.cache_info().currsize:
        _services().metrics.flush()


@signals.worker_ready.connect
def _tell_ready(**_: Any) -> None:
    supervised.tell_ready()


app = celery_app(settings.load_or_exit())
tasks.register(app, _services, _provider)
