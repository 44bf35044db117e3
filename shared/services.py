"""The composition root: every client of a process, built once and passed in."""

import logging
from dataclasses import dataclass
from uuid import UUID

import redis

from shared.addresses import redis_address
from shared.clients import pubsub
from shared.clients.celery_queue import Queue, celery_app
from shared.clients.metrics import Metrics
from shared.clients.object_store import ObjectStore, S3Store
from shared.db.database import Database
from shared.db.images import ImageEnded
from shared.dispatch import dispatch, dispatch_calls, dispatch_keeping
from shared.errors import UnavailableError
from shared.lanes import SentImage, Windows
from shared.outbound import Policy
from shared.secret_keys import SecretKeys, split_keys
from shared.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """What steps, routes and the sweep work with.

    secret_keys: None in a process that gets none, as the workers that decode strangers' images.
    policy: what of a client's addresses may be called.
    """

    settings: Settings
    database: Database
    redis: redis.Redis
    metrics: Metrics
    store: ObjectStore
    queue: Queue
    secret_keys: SecretKeys | None
    policy: Policy

    def announce(self, ended: ImageEnded) -> None:
        """After a commit: notifies who waits, and has the webhook called of a batch that closed."""
        topics = [pubsub.session_topic(ended.session_id)]
        if ended.batch_closed:
            topics.append(pubsub.batch_topic(ended.batch_id))
        pubsub.publish(self.redis, topics)
        if ended.batch_closed and ended.has_webhook:
            self.dispatch_calls()

    def dispatch(self) -> None:
        """Sends waiting images to the workers, as far as the windows allow."""
        dispatch(self.database, self.queue, self._windows)

    def dispatch_keeping(self, batch_id: UUID) -> SentImage | None:
        """Does the same; see `shared.dispatch.dispatch_keeping`."""
        return dispatch_keeping(self.database, self.queue, self._windows, batch_id)

    @property
    def _windows(self) -> Windows:
        return Windows(self.settings.window_images, self.settings.ai_window_images)

    def dispatch_calls(self) -> None:
        """Has the webhooks called that are due; the sweep does so too, should this not succeed."""
        try:
            dispatch_calls(self.database, self.queue)
        except UnavailableError as error:
            logger.warning("webhooks that are due are not called yet: %s", error.message)

    def close(self) -> None:
        """Closes every connection, and adds what is not counted yet."""
        self.metrics.flush()
        self.database.close()
        self.redis.close()


def build(settings: Settings, *, max_connections: int = 8) -> Services:
    """The services of one process; nothing is connected before its first use.

    Build it after a fork: connections do not survive one. `max_connections` bounds those to
    Postgres.
    """
    client = redis_client(settings)
    return Services(
        settings=settings,
        database=Database(
            settings.database_url.get_secret_value(), max_connections=max_connections
        ),
        redis=client,
        metrics=Metrics(client),
        store=S3Store(settings),
        queue=Queue(celery_app(settings)),
        secret_keys=_secret_keys(settings),
        policy=Policy.of(settings),
    )


def _secret_keys(settings: Settings) -> SecretKeys | None:
    if settings.secret_keys is None:
        return None
    return SecretKeys(split_keys(settings.secret_keys.get_secret_value()))


def redis_client(settings: Settings) -> redis.Redis:
    """A client for pub/sub, metrics and rate limits; short timeouts, since none is vital."""
    address = redis_address(settings.redis_url.get_secret_value(), settings.ca_file)
    return redis.Redis.from_url(
        address.url,
        socket_connect_timeout=1,
        socket_timeout=2,
        health_check_interval=15,  # a subscription whose server vanished notices
        decode_responses=True,
        **address.tls,
    )
