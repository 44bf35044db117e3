"""Reads that many requests need at one moment, and that are made once.

All who wait for one session are woken by each image of it that ends.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

_KEPT = 100


class SharedReads(Generic[T]):
    """The newest result of each read, of the last hundred that were made."""

    def __init__(self) -> None:
        self._newest: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, key: Hashable, since: float, read: Callable[[], T]) -> T:
        """What `read` returns, or what it returned to another with this key after `since`.

        since: by `time.monotonic`. Raises what `read` raises.
        """
        began, found = self._newest.get(key, (0.0, None))
        if found is None or began < since:
            began = time.monotonic()
            found = read()
            self._newest[key] = began, found
            self._newest.move_to_end(key)
            if len(self._newest) > _KEPT:
                self._newest.popitem(last=False)
        return found
