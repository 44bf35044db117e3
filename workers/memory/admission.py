"""Memory admission: an image starts when the memory of this machine has room for it.

An image takes a ticket: a file in one folder, named by its turn and the bytes it needs, and
locked as long as the image waits and works. It is admitted once it fits beside all earlier
tickets, waiting or working. So the images in work never need more than the capacity, and none
overtakes another. An image that needs more than the whole capacity is admitted alone: users want
their image, and the capacity leaves some of the machine's memory free.

The kernel drops the locks of a process that ends, however it ends. A ticket without a lock is
void and is deleted by whoever finds it, so there is nothing to repair and no server to ask.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shared import private_folder
from shared.errors import MemoryTakenError, UnavailableError
from workers.memory.limits import machine_bytes

logger = logging.getLogger(__name__)

# Share of all memory: were every estimate too low by a factor of 1.5, a tenth would still be left
# for the processes themselves.
_SHARE = 0.6
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class _Ticket:
    turn: int
    needed_bytes: int

    @property
    def name(self) -> str:
        return f"{self.turn}-{self.needed_bytes}"

    @classmethod
    def named(cls, name: str) -> "_Ticket":
        turn, _, needed = name.partition("-")
        return cls(int(turn), int(needed))


class MemoryAdmission:
    """Shared by all processes, and all instances, that name the same folder."""

    def __init__(self, capacity_bytes: int, folder: Path) -> None:
        """capacity_bytes: what the images in work may need together.

        folder: created on first use; it must belong to this user.
        """
        self._capacity_bytes = capacity_bytes
        self._folder = folder

    @contextmanager
    def admit(self, needed_bytes: int, patience_seconds: float) -> Iterator[None]:
        """Waits until so many bytes are free, and reserves them while the block runs.

        Raises MemoryTakenError when that takes longer than `patience_seconds`, UnavailableError
        when the folder cannot be used.
        """
        with _errors():
            ticket, lock = self._take(needed_bytes)
        try:
            self._wait(ticket, time.monotonic() + patience_seconds)
            yield
        finally:
            self._delete(ticket)
            os.close(lock)

    def _take(self, needed_bytes: int) -> tuple[_Ticket, int]:
        """A ticket behind all others, and the file descriptor that holds its lock."""
        with self._exclusively():
            turn = max((other.turn for other in self._tickets()), default=0) + 1
            ticket = _Ticket(turn, needed_bytes)
            # Not inherited by programs that an encoder starts, which may outlive us.
            lock = os.open(self._folder / ticket.name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return ticket, lock

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One process at a time numbers, creates and locks its ticket."""
        with private_folder.opened(self._folder) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _wait(self, ticket: _Ticket, deadline: float) -> None:
        while True:
            with _errors():
                if self._fits(ticket):
                    return
            if time.monotonic() > deadline:
                raise MemoryTakenError("The images in work leave no memory for another one")
            time.sleep(_POLL_SECONDS)

    def _fits(self, ticket: _Ticket) -> bool:
        before = [
            other
            for other in self._tickets()
            if other.turn < ticket.turn and not self._is_void(other)
        ]
        needed = sum(one.needed_bytes for one in (*before, ticket))
        return not before or needed <= self._capacity_bytes

    def _is_void(self, other: _Ticket) -> bool:
        """Whether nobody holds an earlier ticket, which is then deleted.

        No new ticket can have its name: as long as ours exists, new turns come behind it.
        """
        try:
            lock = os.open(self._folder / other.name, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            self._delete(other)
            return True
        finally:
            os.close(lock)

    def _delete(self, ticket: _Ticket) -> None:
        with suppress(OSError):  # deleted already; and without its lock it is void anyway
            (self._folder / ticket.name).unlink()

    def _tickets(self) -> list[_Ticket]:
        return [_Ticket.named(path.name) for path in self._folder.glob("[0-9]*-[0-9]*")]


def of_machine(memory_mb: int | None) -> MemoryAdmission:
    """The admission that all workers of this user share on this machine.

    memory_mb: its capacity in millions of bytes; None for a share of the memory of the machine, or
    of the container or service that this process runs in.
    """
    capacity = machine_bytes() * _SHARE if memory_mb is None else memory_mb * 1e6
    return MemoryAdmission(int(capacity), private_folder.path_of("memory"))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        logger.error("no image can be admitted: %s", error)  # noqa: TRY400 - the sentence says all
        raise UnavailableError("The worker cannot share out its memory") from error
