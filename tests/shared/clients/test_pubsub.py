"""Who waits for a notification is woken by it, over one subscription per process."""

import threading
from contextlib import ExitStack
from uuid import uuid4

from shared.clients import pubsub
from shared.clients.pubsub import Listener, Topic, batch_topic, session_topic
from shared.services import Services


def await_subscription(services: Services, topic: Topic, woken: threading.Event) -> None:
    """Returns when the listener hears us; the event is clear then."""
    while not woken.wait(0.05):
        pubsub.publish(services.redis, [topic])
    woken.clear()


def test_a_notification_wakes_who_waits_for_its_topic_and_nobody_else(unit: Services) -> None:
    mine, other = batch_topic(uuid4()), session_topic(uuid4())
    listener = Listener(unit.redis)
    try:
        with listener.waiting(mine) as woken, listener.waiting(other) as asleep:
            await_subscription(unit, mine, woken)
            asleep.clear()
            pubsub.publish(unit.redis, [mine])
            assert woken.wait(5)
            assert not asleep.is_set()
    finally:
        listener.close()


def test_who_waits_is_woken_when_the_subscription_was_lost(unit: Services) -> None:
    listener = Listener(unit.redis)
    try:
        topic = batch_topic(uuid4())
        with listener.waiting(topic) as woken:
            await_subscription(unit, topic, woken)
            for client in unit.redis.client_list(_type="pubsub"):
                unit.redis.client_kill(client["addr"])
            assert woken.wait(10)
    finally:
        listener.close()


def test_many_waiters_share_one_subscription(unit: Services) -> None:
    listener = Listener(unit.redis)
    try:
        first = batch_topic(uuid4())
        with listener.waiting(first) as woken:
            await_subscription(unit, first, woken)
        before = len(unit.redis.client_list(_type="pubsub"))
        with ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(listener.waiting(batch_topic(uuid4())))
            assert len(unit.redis.client_list(_type="pubsub")) <= before
    finally:
        listener.close()


def test_released_waiters_do_not_wait_on(unit: Services) -> None:
    listener = Listener(unit.redis)
    try:
        topic = batch_topic(uuid4())
        with listener.waiting(topic) as woken:
            await_subscription(unit, topic, woken)
            listener.release()
            assert woken.is_set()
            assert listener.closing
    finally:
        listener.close()


def test_all_streams_of_a_topic_share_its_news(unit: Services) -> None:
    topic = session_topic(uuid4())
    listener = Listener(unit.redis)
    try:
        with listener.watching(topic) as news, listener.watching(topic) as same:
            assert news is same
            while not news.wait_past(0, 0.05):
                pubsub.publish(unit.redis, [topic])
            heard = news.count
            pubsub.publish(unit.redis, [session_topic(uuid4())])
            assert not news.wait_past(heard + 10, 0.2)
            listener.release()
            assert news.wait_past(heard, 5)
        assert listener.subscribed
        with listener.watching(topic) as later:
            assert later is not news
    finally:
        listener.close()
