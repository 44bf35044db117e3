"""The Celery factory, the task names, and the only code that knows a chord.

Only ids travel. A message proves nothing and may come twice or never: the claim on the row
decides who works, and the sweeper publishes again what went silent.
"""

from collections.abc import Sequence
from uuid import UUID

from celery import Celery, Signature, chord
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared.chord_backend import URL_PREFIX
from shared.errors import UnavailableError
from shared.settings import Settings

IMAGES_QUEUE = "images"  # CPU: prefork, a process a core
IO_QUEUE = "io"  # waiting: many threads
OPTIMISE = "fluximage.optimise"
CLOSE_BATCH = "fluximage.close_batch"

# Redis gives a message that was not acknowledged to another worker after this long. It must
# be far above the hard limit plus the wait in the queue: a shorter one ran one task 3 times.
# Our own lease, far shorter, is what brings a dead worker's image back.
_VISIBILITY_SECONDS = 12 * 3600
_RETRIES = {"max_retries": 2, "interval_start": 0.0, "interval_step": 0.1, "interval_max": 0.2}


def celery_app(settings: Settings) -> Celery:
    """A Celery application that talks to `settings.redis_url`; no connection is made yet."""
    url = settings.redis_url.get_secret_value()
    app = Celery("fluximage", broker=url, backend=URL_PREFIX + url, set_as_current=False)
    app.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],  # pickle from a broker is code from a stranger
        task_default_queue=IMAGES_QUEUE,
        task_routes={OPTIMISE: {"queue": IMAGES_QUEUE}, CLOSE_BATCH: {"queue": IO_QUEUE}},
        task_acks_late=True,  # a message outlives the worker that held it
        task_reject_on_worker_lost=False,  # poison would go round for ever; the row retries
        task_time_limit=settings.task_limit_seconds,  # the soft limit cannot end an encoder
        task_track_started=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_SECONDS,
            "socket_connect_timeout": 3,
            "socket_timeout": 5,  # else a broker that hangs holds a publisher for ever
            "socket_keepalive": True,
        },
        redis_socket_connect_timeout=3,
        redis_socket_timeout=5,
        # A publisher holds a client's request: it gives up soon, the rows are there.
        task_publish_retry_policy=_RETRIES,
        result_backend_transport_options={"retry_policy": _RETRIES},
        # Only the chord reads results; the rows are the truth.
        result_expires=_VISIBILITY_SECONDS,
        result_chord_expires=_VISIBILITY_SECONDS,
    )
    return app


class Queue:
    """Puts work on the broker; raises UnavailableError when it does not take it."""

    def __init__(self, app: Celery) -> None:
        """Takes the application that `celery_app` made."""
        self._app = app

    def publish_batch(self, batch_id: UUID, image_ids: Sequence[UUID]) -> None:
        """One task an image, and a body that closes the batch when all have returned."""
        header = [self._signature(OPTIMISE, i) for i in image_ids]
        body = self._signature(CLOSE_BATCH, batch_id)
        try:
            chord(header, app=self._app)(body)
        except (OperationalError, RedisError, OSError) as error:
            raise UnavailableError("The queue is not available") from error

    def _signature(self, task: str, id_: UUID) -> Signature:
        # The chord counts its members in a key of its own and needs no result of theirs.
        # Without this, each would cost a stored result here and a subscription in the API.
        return self._app.signature(task, (str(id_),), immutable=True, ignore_result=True)

    def publish_image(self, image_id: UUID) -> None:
        """One image's task alone, for a message that was lost."""
        try:
            self._app.send_task(OPTIMISE, (str(image_id),), ignore_result=True)
        except (OperationalError, RedisError, OSError) as error:
            raise UnavailableError("The queue is not available") from error
