"""Celery's Redis backend, reduced to what a chord needs: it counts the members that returned."""

from typing import Any

from celery.backends.redis import RedisBackend


class ChordBackend(RedisBackend):
    """Subscribes to no result: the rows are the truth, and nobody asks for a task's result.

    Celery's own backend subscribes the publisher to a channel per published task, and unsubscribes
    when the result object is collected. In a process that publishes thousands that is a leak, and
    a destructor would send a command to a broker that may be down.
    """

    def on_task_call(self, *_: Any) -> None:
        """Called for every task that is published."""

    def add_pending_result(self, result: Any, *_: Any, **__: Any) -> Any:
        """Called for every member of a group that is published."""
        return result

    def remove_pending_result(self, *_: Any) -> None:
        """Called by the destructor of a result."""


URL_PREFIX = f"{__name__}:{ChordBackend.__qualname__}+"
