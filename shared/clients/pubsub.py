"""Notifications of ended images over Redis pub/sub. They wake whoever waits, and prove nothing.

Whoever is woken reads the row. A lost notification delays a waiter by its re-read interval at most.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import redis

logger = logging.getLogger(__name__)

_CHANNEL = "fluximage:news"
_RECONNECT_SECONDS = 1.0


@dataclass(frozen=True)
class Topic:
    """What one can wait for: any image of a session to end, or a batch to close."""

    kind: str
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def session_topic(session_id: UUID) -> Topic:
    """The topic that is notified when an image of the session ends."""
    return Topic("session", session_id)


def batch_topic(batch_id: UUID) -> Topic:
    """The topic that is notified when the batch closes."""
    return Topic("batch", batch_id)


def publish(client: redis.Redis, topics: list[Topic]) -> None:
    """Notifies every process. A broker that is down is no error, since the rows are the truth."""
    try:
        client.publish(_CHANNEL, json.dumps([str(topic) for topic in topics]))
    except redis.RedisError:
        logger.warning("a notification could not be published")


class News:
    """How often a topic was notified, for streams: all of a topic's share one."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0

    def set(self) -> None:
        """Counts one more notification, and wakes every stream."""
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait_past(self, count: int, seconds: float) -> bool:
        """Whether there were more than `count` notifications before `seconds` had passed."""
        with self._condition:
            return self._condition.wait_for(lambda: self.count > count, seconds)


class Listener:
    """One subscription per process, shared by everyone who waits in it."""

    def __init__(self, client: redis.Redis) -> None:
        """Starts its thread; `close` ends it."""
        self._client = client
        self._waiting: dict[str, set[threading.Event]] = {}
        self._watched: dict[str, News] = {}
        self._watchers: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closed = False
        self.closing = False
        self.subscribed = False  # while it is not, notifications are lost
        self._thread = threading.Thread(target=self._run, name="pubsub", daemon=True)
        self._thread.start()

    @contextmanager
    def waiting(self, topic: Topic) -> Iterator[threading.Event]:
        """An event that is set when the topic is notified, or may have been.

        Enter it before you read the row, so that nothing is missed between the two.
        """
        event = threading.Event()
        with self._lock:
            self._waiting.setdefault(str(topic), set()).add(event)
        try:
            yield event
        finally:
            with self._lock:
                events = self._waiting[str(topic)]
                events.discard(event)
                if not events:
                    del self._waiting[str(topic)]

    @contextmanager
    def watching(self, topic: Topic) -> Iterator[News]:
        """The news of a topic, for a stream.

        Take its `count` before you read the row, so that nothing is missed between the two.
        """
        name = str(topic)
        with self._lock:
            self._watchers[name] += 1
            news = self._watched.setdefault(name, News())
        try:
            yield news
        finally:
            with self._lock:
                self._watchers[name] -= 1
                if not self._watchers[name]:
                    del self._watchers[name], self._watched[name]

    def release(self) -> None:
        """Wakes everyone who waits, now and later, because the process ends."""
        self.closing = True
        self._wake_all()

    def close(self) -> None:
        """Ends the subscription."""
        self._closed = True
        self._thread.join(timeout=5)

    def _run(self) -> None:
        pause = threading.Event()
        while not self._closed:
            try:
                self._listen()
            except Exception:  # without this thread waiters would only poll
                self.subscribed = False
                logger.warning("the subscription was lost; subscribing again", exc_info=True)
                pause.wait(_RECONNECT_SECONDS)

    def _listen(self) -> None:
        with self._client.pubsub(  # type: ignore[no-untyped-call] # redis gives it no types
            ignore_subscribe_messages=True
        ) as subscription:
            subscription.subscribe(_CHANNEL)
            self.subscribed = True
            self._wake_all()  # what was published before we subscribed was missed
            while not self._closed:
                message = subscription.get_message(timeout=1.0)
                if message is not None:
                    self._wake(json.loads(message["data"]))

    def _wake(self, topics: list[str]) -> None:
        with self._lock:
            for topic in topics:
                for event in self._waiting.get(topic, ()):
                    event.set()
                if topic in self._watched:
                    self._watched[topic].set()

    def _wake_all(self) -> None:
        with self._lock:
            for events in self._waiting.values():
                for event in events:
                    event.set()
            for news in self._watched.values():
                news.set()
