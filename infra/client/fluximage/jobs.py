"""Work on threads whose outcomes one thread takes, so that this one alone has state."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
Outcome = Callable[[], Iterator[T]]


class Jobs(Generic[T]):
    """Runs each job on a daemon thread: a caller that ends need not wait for a slow line."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._outcomes: queue.SimpleQueue[Outcome[T]] = queue.SimpleQueue()

    def start(
        self, job: Callable[[], Outcome[T]], otherwise: Callable[[Exception], Outcome[T]]
    ) -> None:
        """Runs the job; its outcome, or `otherwise` of its exception, is taken later."""

        def run() -> None:
            try:
                outcome = job()
            except Exception as error:  # noqa: BLE001 - raised again where outcomes are taken
                outcome = otherwise(error)
            self._outcomes.put(outcome)

        threading.Thread(target=run, daemon=True, name="fluximage").start()

    def give(self, outcome: Outcome[T]) -> None:
        """Adds an outcome of a job that goes on; called by that job."""
        self._outcomes.put(outcome)

    def take(self) -> Iterator[T]:
        """Waits for the next outcome and yields what it gives."""
        yield from self._outcomes.get()()
