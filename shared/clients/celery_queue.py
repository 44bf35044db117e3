"""The wiring of the queue: the Celery application, queues, task names and routes.

This is the only code that knows a chord. Only ids travel. A message proves nothing and may come
twice or never: the claim on the row decides who works, and the sweep publishes again what went
silent.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from celery import Celery, Signature, chain
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared.addresses import redis_address
from shared.clients.chord_backend import URL_PREFIX
from shared.errors import UnavailableError
from shared.lanes import Lane, SentImage
from shared.settings import Settings

IMAGES_QUEUE = Lane.IMAGES.value  # CPU: prefork, one process per core, with low priority
EXPRESS_QUEUE = Lane.EXPRESS.value  # CPU: prefork, some processes for small images alone
AI_QUEUE = "ai"  # waiting for the model: as many threads as calls may be under way
IO_QUEUE = "io"  # waiting for the store: many threads
CALLS_QUEUE = "calls"  # waiting for receivers of webhooks: many threads
MEASURE_TASK = "fluximage.measure"
EXPRESS_TASK = "fluximage.express"
OPTIMISE_TASK = "fluximage.optimise"
DESCRIBE_TASK = "fluximage.describe"
CLOSE_BATCH_TASK = "fluximage.close_batch"
CALL_WEBHOOK_TASK = "fluximage.call_webhook"

# After this long Redis delivers a message again that was not acknowledged. It must be far above
# the hard limit plus the wait in the queue, or one task runs several times at once. Our own lease,
# far shorter, brings a dead worker's image back.
_VISIBILITY_SECONDS = 12 * 3600
_MAX_EXPRESS_WAITING = 8  # they are of anybody, and no choice is fairer than their order
_RETRIES = {"max_retries": 2, "interval_start": 0.0, "interval_step": 0.1, "interval_max": 0.2}

_CONFIGURATION: dict[str, object] = {
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],  # pickle would let whoever writes to the broker run code
    "task_default_queue": IMAGES_QUEUE,
    "task_routes": {
        MEASURE_TASK: {"queue": IO_QUEUE},
        EXPRESS_TASK: {"queue": EXPRESS_QUEUE},
        OPTIMISE_TASK: {"queue": IMAGES_QUEUE},
        DESCRIBE_TASK: {"queue": AI_QUEUE},
        CLOSE_BATCH_TASK: {"queue": IO_QUEUE},
        CALL_WEBHOOK_TASK: {"queue": CALLS_QUEUE},
    },
    "task_acks_late": True,  # a message outlives its worker
    # True would redeliver an image that kills its worker for ever; the row counts attempts.
    "task_reject_on_worker_lost": False,
    "task_track_started": False,
    "worker_prefetch_multiplier": 1,
    # How long a pool waits for the result of a process that ended without an error. Our results are
    # in the rows.
    "worker_lost_wait": 1.0,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    "broker_connection_retry_on_startup": True,
    # A full broker refuses what a worker writes; without this the worker would end.
    "broker_channel_error_retry": True,
    "broker_transport_options": {
        "visibility_timeout": _VISIBILITY_SECONDS,
        "socket_connect_timeout": 3,
        "socket_timeout": 5,  # else a broker that hangs blocks a publisher for ever
        "socket_keepalive": True,
    },
    "redis_socket_connect_timeout": 3,
    "redis_socket_timeout": 5,
    # A client's request waits for its publisher, which gives up soon: the rows are there.
    "task_publish_retry_policy": _RETRIES,
    "result_backend_transport_options": {"retry_policy": _RETRIES},
    # Only the chord reads results; the rows are the truth.
    "result_expires": _VISIBILITY_SECONDS,
    "result_chord_expires": _VISIBILITY_SECONDS,
}


def celery_app(settings: Settings) -> Celery:
    """A Celery application that talks to `settings.redis_url`; no connection is made yet."""
    address = redis_address(settings.redis_url.get_secret_value(), settings.ca_file)
    app = Celery(
        "fluximage", broker=address.url, backend=URL_PREFIX + address.url, set_as_current=False
    )
    app.conf.update(
        _CONFIGURATION,
        # The soft limit cannot end an encoder, so only the hard one is set.
        task_time_limit=settings.task_limit_seconds,
        broker_use_ssl=address.tls or None,
        redis_backend_use_ssl=address.tls or None,
    )
    return app


class Queue:
    """Publishes work; raises UnavailableError when the broker does not accept it."""

    def __init__(self, app: Celery) -> None:
        """app: made by `celery_app`."""
        self._app = app

    def ping(self) -> None:
        """Raises UnavailableError unless the broker and the chord's backend both answer."""
        with _broker(), self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0)
            self._app.backend.client.ping()  # type: ignore[attr-defined] # Redis' has it

    @contextmanager
    def publishing(self) -> Iterator[Callable[[SentImage], None]]:
        """Gives a function that publishes an image, over one connection for all of them.

        The images of a batch are the members of one chord, though they are published over time. Its
        body closes the batch after all of them. An image that is published again is no member then:
        its first message has returned, or is lost.
        """
        with _broker(), self._app.producer_or_acquire() as producer:

            def publish(image: SentImage) -> None:
                with _broker():
                    options = self._chord_options(image) if image.is_member else {}
                    self._tasks(image).apply_async(producer=producer, **options)

            yield publish

    def _chord_options(self, image: SentImage) -> dict[str, Any]:
        group = str(image.batch_id)
        if image.members is not None:
            self._app.backend.set_chord_size(group, image.members)
        body = self._signature(CLOSE_BATCH_TASK, image.batch_id)
        return {"group_id": group, "group_index": image.index, "chord": body}

    def _tasks(self, image: SentImage) -> Signature:
        if image.lane is None:
            return self._signature(DESCRIBE_TASK, image.id)
        return self._member(image.id, ai=image.ai, lane=image.lane)

    def publish_measuring(self, batch_id: UUID) -> None:
        """A message that the batch has images without an estimate."""
        with _broker():
            self._signature(MEASURE_TASK, batch_id).apply_async()

    def publish_express(self, batch_id: UUID) -> None:
        """A message that the batch has one image that `express` may measure, and make at once.

        Where many messages wait there it is measured like any other, since they are of anybody.
        """
        with _broker():
            waiting = int(self._app.backend.client.llen(EXPRESS_QUEUE))  # type: ignore[attr-defined] # Redis' has it
            task = EXPRESS_TASK if waiting < _MAX_EXPRESS_WAITING else MEASURE_TASK
            self._signature(task, batch_id).apply_async()

    def publish_image(self, image_id: UUID, *, ai: bool, lane: Lane = Lane.IMAGES) -> None:
        """The tasks of one image alone, for a message that was lost."""
        with _broker():
            self._member(image_id, ai=ai, lane=lane).apply_async()

    def publish_description(self, image_id: UUID) -> None:
        """The second task of an image's member alone, for a message that was lost."""
        with _broker():
            self._signature(DESCRIBE_TASK, image_id).apply_async()

    def publish_call(self) -> None:
        """A message that a webhook is due; the rows say which one its reader calls."""
        with _broker():
            self._signature(CALL_WEBHOOK_TASK).apply_async()

    def waiting_calls(self) -> int:
        """How many messages of `publish_call` no worker has taken yet."""
        with _broker():
            return int(self._app.backend.client.llen(CALLS_QUEUE))  # type: ignore[attr-defined] # Redis' has it

    def put_back_fetched(self) -> None:
        """Puts the messages back that workers fetched and did not finish; only while none runs.

        By itself, Redis would deliver them again after the visibility timeout.
        """
        with _broker(), self._app.connection_for_write() as connection:
            channel: Any = connection.default_channel  # the types do not know Redis' own
            for tag in channel.client.zrange(channel.unacked_index_key, 0, -1):
                channel.qos.restore_by_tag(tag)

    def _member(self, image_id: UUID, *, ai: bool, lane: Lane) -> Signature:
        """The tasks of one image: its pixels, and then its text."""
        pixels = self._signature(OPTIMISE_TASK, image_id).set(queue=lane.value)
        if not ai:
            return pixels
        return chain(pixels, self._signature(DESCRIBE_TASK, image_id), app=self._app)

    def _signature(self, task: str, *ids: UUID) -> Signature:
        # A chord counts its members in a key of its own: their results would be stored for nothing.
        return self._app.signature(task, tuple(map(str, ids)), immutable=True, ignore_result=True)


@contextmanager
def _broker() -> Iterator[None]:
    try:
        yield
    except (OperationalError, RedisError, OSError) as error:
        raise UnavailableError("The queue is not available") from error
