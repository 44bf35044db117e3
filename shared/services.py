"""The composition root: every client of a process, built once and passed in."""

from dataclasses import dataclass

import redis

from shared.clients import pubsub
from shared.clients.celery_queue import Queue, celery_app
from shared.clients.object_store import ObjectStore, S3Store
from shared.db.database import Database
from shared.db.images import Closing
from shared.dispatch import dispatch
from shared.settings import Settings


@dataclass(frozen=True)
class Services:
    """What steps, routes and the sweeper work with."""

    settings: Settings
    database: Database
    redis: redis.Redis
    store: ObjectStore
    queue: Queue

    def announce(self, closing: Closing) -> None:
        """After a commit: wakes who waits, and lets the next batch out when one has closed."""
        topics = [pubsub.session_topic(closing.session_id)]
        if closing.batch_closed:
            topics.append(pubsub.batch_topic(closing.batch_id))
        pubsub.publish(self.redis, topics)
        if closing.batch_closed:
            self.dispatch()

    def dispatch(self) -> None:
        """Lets waiting batches out, as far as the windows allow."""
        windows = self.settings.window_images, self.settings.ai_window_images
        dispatch(self.database, self.queue, *windows)

    def close(self) -> None:
        """Closes every connection."""
        self.database.close()
        self.redis.close()


def build(settings: Settings, *, max_connections: int = 8) -> Services:
    """The services of one process; nothing is connected before its first use.

    Build it after a fork: connections do not survive one. `max_connections` bounds those to
    Postgres.
    """
    return Services(
        settings=settings,
        database=Database(
            settings.database_url.get_secret_value(), max_connections=max_connections
        ),
        redis=redis_client(settings),
        store=S3Store(settings),
        queue=Queue(celery_app(settings)),
    )


def redis_client(settings: Settings) -> redis.Redis:
    """A client for news, metrics and rate limits, with short timeouts: none of them is vital."""
    return redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        # Counted against every request while Redis hangs; none of its uses here is vital.
        socket_connect_timeout=1,
        socket_timeout=2,
        health_check_interval=15,  # a subscription whose server vanished notices
        decode_responses=True,
    )
