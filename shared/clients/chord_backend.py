"""Celery's Redis backend, reduced to what our chord needs: it counts the members that returned.

The rows are the truth: nobody asks for a task's result, and the body may run twice, or never.
"""

import logging
from typing import Any

from celery import Celery, Signature
from celery.backends.redis import RedisBackend
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class ChordBackend(RedisBackend):
    """Subscribes to no result, and keeps none.

    Celery's own backend subscribes the publisher to a channel per published task, and unsubscribes
    when the result object is collected. In a process that publishes thousands that is a leak, and
    a destructor would send a command to a broker that may be down. It also keeps each member's
    result for the body, and guards the body's publishing by a claim: several round trips an image.
    """

    app: Celery  # the types do not know these two
    chord_expires: int

    def on_task_call(self, *_: Any) -> None:
        """Called for every task that is published."""

    def add_pending_result(self, result: Any, *_: Any, **__: Any) -> Any:
        """Called for every member of a group that is published."""
        return result

    def remove_pending_result(self, *_: Any) -> None:
        """Called by the destructor of a result."""

    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        """Called before the first member is published."""
        self.client.set(self._size_key(group_id), chord_size, ex=self.chord_expires)

    def on_chord_part_return(self, request: Any, *_: Any, **__: Any) -> None:
        """Called when a member has returned or was lost; publishes the body after the last one.

        Members count by their ids, since a message may come twice. After a lost size the sweep
        does what the body would have done.
        """
        if not request.group or not request.id:
            return
        members, size = self.get_key_for_group(request.group, ".m"), self._size_key(request.group)
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.sadd(members, request.id)
            pipeline.expire(members, self.chord_expires)
            pipeline.scard(members)
            pipeline.get(size)
            *_, returned, expected = pipeline.execute()
        if expected is not None and returned >= int(expected):
            try:
                Signature.from_dict(request.chord, app=self.app).delay()
                self.client.delete(members, size)
            except (OperationalError, RedisError, OSError):
                logger.warning("the end of a batch was not published; the sweep closes it")

    def _size_key(self, group_id: str) -> str:
        key: str = self.get_key_for_group(group_id, ".s")
        return key


URL_PREFIX = f"{__name__}:{ChordBackend.__qualname__}+"
