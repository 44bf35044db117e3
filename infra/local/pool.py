"""Processes of the engine, one per core: a file that ends its process fails alone."""

import multiprocessing
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection

from infra.local.worker import STARTED, Job, Limits, Made, Refused, serve
from shared.errors import ImageError

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["infra.local.worker"])  # the engine is imported once
_JOIN_SECONDS = 5
Numbered = tuple[int, Made | Refused]


class Pool:
    """Runs jobs on so many processes. One that works longer than `limit_seconds` is killed."""

    def __init__(self, processes: int, limits: Limits, limit_seconds: float) -> None:
        self._processes = [_Process(limits, limit_seconds) for _ in range(processes)]

    def run(self, jobs: Iterable[Job]) -> Iterator[Numbered]:
        """Yields (number of the job, its end) as the jobs end; a few wait for the caller."""
        waiting = enumerate(jobs)
        taking, stopped = threading.Lock(), threading.Event()
        ended: queue.Queue[Numbered | BaseException | None] = queue.Queue(len(self._processes))

        def work(process: _Process) -> None:
            last: BaseException | None = None
            try:
                while not stopped.is_set():
                    with taking:
                        number, job = next(waiting, (-1, None))
                    if job is None:
                        break
                    ended.put((number, process.do(job)))
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                last = error
            ended.put(last)

        threads = [threading.Thread(target=work, args=(one,)) for one in self._processes]
        for thread in threads:
            thread.daemon = True
            thread.start()
        try:
            yield from _until_all_ended(ended, len(threads))
        finally:
            stopped.set()
            if any(thread.is_alive() for thread in threads):  # the caller has left
                self.close()

    def close(self) -> None:
        """Ends every process, also one that works."""
        for process in self._processes:
            process.kill()


def _until_all_ended(
    ended: "queue.Queue[Numbered | BaseException | None]", threads: int
) -> Iterator[Numbered]:
    while threads:
        one = ended.get()
        if isinstance(one, BaseException):
            raise one
        if one is None:
            threads -= 1
        else:
            yield one


class _Process:
    """One process, started for its first job, and again after its end."""

    def __init__(self, limits: Limits, limit_seconds: float) -> None:
        self._limits, self._limit_seconds = limits, limit_seconds
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def do(self, job: Job) -> Made | Refused:
        """The end of one job."""
        connection = self._connection or self._start()
        try:
            connection.send(job)
            answer = connection.recv()  # memory is waited for as long as it takes
            if answer != STARTED:
                return _end(answer)
            if connection.poll(self._limit_seconds):
                return _end(connection.recv())
        except (EOFError, OSError):
            self.kill()
            return Refused(ImageError.code, "Its process ended while it worked on this image")
        self.kill()
        return Refused(ImageError.code, f"It took longer than {self._limit_seconds:g} seconds")

    def _start(self) -> Connection:
        self._connection, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=serve, args=(theirs, self._limits), daemon=True)
        self._process.start()
        theirs.close()  # else its end would not be seen here
        return self._connection

    def kill(self) -> None:
        """Ends the process at once; the next job starts another."""
        process, self._process = self._process, None
        connection, self._connection = self._connection, None
        if process is not None:
            process.kill()
            process.join(_JOIN_SECONDS)
        if connection is not None:
            with suppress(OSError):
                connection.close()


def _end(answer: object) -> Made | Refused:
    if not isinstance(answer, Made | Refused):
        raise TypeError(f"a process of the engine answered with {type(answer).__name__}")
    return answer
