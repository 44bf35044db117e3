"""Which messages the broker holds, so that none is sent again while it still lies there.

Reads what kombu's Redis transport keeps: a list per queue and priority, and of messages that a
worker has taken and not acknowledged a hash, with the time of delivery in a sorted set.
"""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, product
from typing import Any
from uuid import UUID

import redis
from kombu.transport.redis import PRIORITY_STEPS, Channel

_MANY = 5_000  # messages of one list, far more than any window


def held_ids(
    client: redis.Redis, queues: Iterable[str], task: str, delivered_seconds: int
) -> set[UUID] | None:
    """The ids that messages of `task` carry; None when a queue is too long to be read.

    Counts messages that wait in one of `queues`, and those that were delivered within the last
    `delivered_seconds`; an older one may be in the hands of a worker that was killed. Raises
    redis.RedisError.
    """
    with client.pipeline(transaction=False) as pipeline:
        for queue, priority in product(queues, PRIORITY_STEPS):
            name = f"{queue}{Channel.sep}{priority}" if priority else queue
            pipeline.lrange(name, 0, _MANY)
        # In this order: a message that is delivered meanwhile is seen twice, and not never.
        oldest = time.time() - delivered_seconds
        pipeline.zrangebyscore(Channel.unacked_index_key, oldest, "+inf", start=0, num=_MANY)
        *lists, tags = pipeline.execute()
    if any(len(one) > _MANY for one in lists):
        return None
    messages = list(chain.from_iterable(lists))
    delivered = client.hmget(Channel.unacked_key, tags) if tags else []
    return {*_ids(messages, task, json.loads), *_ids(delivered, task, _delivered_message)}


def _delivered_message(text: Any) -> Any:
    message, _exchange, _routing_key = json.loads(text)
    return message


def _ids(texts: Iterable[Any], task: str, parse: Callable[[Any], Any]) -> Iterator[UUID]:
    for text in texts:
        # What is not one of ours is passed over; None was acknowledged meanwhile.
        with suppress(ValueError, TypeError, LookupError, AttributeError):
            message = parse(text)
            if message["headers"]["task"] == task:
                arguments, *_ = json.loads(base64.b64decode(message["body"]))
                yield UUID(arguments[0])
