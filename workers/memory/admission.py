"""Memory admission: an image starts when the memory of this machine has room for it.

An image takes a ticket: a file in one folder, named by its turn and the bytes it needs, and locked
as long as the image works. It is admitted if it fits beside those in work, so they never need more
than the capacity. One that does not fit leaves no ticket, so that a smaller one may overtake it.

Only one that is told to be patient leaves a ticket and waits in line. It is overtaken by those
alone that fit beside it too, so that it starts as early as without them (as in backfilling:
Lifka 1995, "The ANL/IBM SP scheduling system"). An image that needs more than the whole capacity is
admitted alone: users want their image, and the capacity leaves some of the machine's memory free.

The kernel drops the locks of a process that ends, however it ends. A ticket without a lock is
void and is deleted by whoever finds it, so there is nothing to repair and no server to ask.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from shared import private_folder
from shared.errors import AdmissionClosedError, MemoryTakenError, TooMuchWorkError
from workers.memory.limits import machine_bytes

# Of all memory, for the images in work together. What is left is for the processes themselves,
# about 80 MB each, and for estimates that are too low.
_SHARE = 0.6
_SHARE_ALONE = 0.9  # for one image that is admitted alone
_POLL_SECONDS = 0.05
_SAME_MACHINE_SECONDS = 10
# An image that does not fit is tried again for so long: the next one may end in this moment.
_MOMENT_SECONDS = 0.2


@dataclass(frozen=True)
class _Ticket:
    """waits: in line, and not in work yet."""

    turn: int
    needed_bytes: int
    waits: bool = False

    @property
    def name(self) -> str:
        return f"{self.turn}-{self.needed_bytes}{'-waits' * self.waits}"

    @classmethod
    def named(cls, name: str) -> "_Ticket":
        turn, needed, *waits = name.split("-")
        return cls(int(turn), int(needed), bool(waits))


class MemoryAdmission:
    """Shared by all processes, and all instances, that name the same folder."""

    def __init__(self, capacity_bytes: int, folder: Path, most_bytes: int | None = None) -> None:
        """capacity_bytes: what the images in work may need together.

        folder: created on first use; it must belong to this user. most_bytes: what one image may
        need, when it is alone; None for no limit.
        """
        self._capacity_bytes = capacity_bytes
        self._folder = folder
        self.most_bytes = most_bytes if most_bytes is not None else float("inf")

    @contextmanager
    def admit(self, needed_bytes: int, patience_seconds: float = 0) -> Iterator[None]:
        """Reserves so many bytes while the block runs.

        patience_seconds: how long it waits in line for others to end; 0: a moment, and not in line.
        Raises MemoryTakenError when the bytes are not free by then, TooMuchWorkError when they can
        never be, AdmissionClosedError when the folder cannot be used.
        """
        if needed_bytes > self.most_bytes:
            raise TooMuchWorkError("This image needs more memory than there is; send it smaller")
        ticket, lock = self._take_one(needed_bytes, in_line=patience_seconds > 0)
        try:
            ticket = self._wait(ticket, time.monotonic() + patience_seconds)
            yield
        finally:
            self._delete(ticket)
            os.close(lock)

    def check(self) -> None:
        """Raises AdmissionClosedError when no image can be admitted, and says why."""
        with _errors(), private_folder.opened(self._folder) as folder:
            name = f"check-{os.getpid()}"
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600, dir_fd=folder))
            os.unlink(name, dir_fd=folder)

    def _take_one(self, needed_bytes: int, *, in_line: bool) -> tuple[_Ticket, int]:
        """A ticket that fits, and the descriptor of its lock; or one to wait with, if `in_line`."""
        deadline = time.monotonic() + _MOMENT_SECONDS
        while True:
            is_late = time.monotonic() > deadline
            with self._exclusively():
                others = self._living()
                turn = max((other.turn for other in others), default=0) + 1
                ticket = _Ticket(turn, needed_bytes)
                if not self._fits(ticket, others):
                    ticket = replace(ticket, waits=True)
                if in_line or not ticket.waits:
                    return ticket, self._lock(ticket)
            if is_late:
                raise MemoryTakenError(needed_bytes)
            time.sleep(_POLL_SECONDS)

    def _wait(self, ticket: _Ticket, deadline: float) -> _Ticket:
        """The ticket once it is in work."""
        while ticket.waits:
            with self._exclusively():
                others = [other for other in self._living() if other != ticket]
                if self._fits(ticket, others):
                    admitted = replace(ticket, waits=False)
                    os.rename(self._folder / ticket.name, self._folder / admitted.name)
                    return admitted
            if time.monotonic() > deadline:
                raise MemoryTakenError(ticket.needed_bytes)
            time.sleep(_POLL_SECONDS)
        return ticket

    def _fits(self, ticket: _Ticket, others: list[_Ticket]) -> bool:
        """Whether it may work beside those in work, and delays none that waits before it."""
        in_work = [other for other in others if not other.waits]
        free = self._capacity_bytes - ticket.needed_bytes
        return (not in_work or _sum(in_work) <= free) and all(
            first.needed_bytes + _sum(one for one in in_work if one.turn > first.turn) <= free
            for first in others
            if first.waits and first.turn < ticket.turn
        )

    def _living(self) -> list[_Ticket]:
        """All tickets that somebody holds; to be called exclusively."""
        tickets = [_Ticket.named(path.name) for path in self._folder.glob("[0-9]*-[0-9]*")]
        return [ticket for ticket in tickets if not self._is_void(ticket)]

    def _lock(self, ticket: _Ticket) -> int:
        """The file descriptor that holds the lock of a new ticket; to be called exclusively."""
        # Not inherited by programs that an encoder starts, which may outlive us.
        lock = os.open(self._folder / ticket.name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One process at a time looks at the tickets, takes one, or puts one in work."""
        with _errors(), private_folder.opened(self._folder) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _is_void(self, other: _Ticket) -> bool:
        """Whether nobody holds this ticket, which is then deleted; to be called exclusively."""
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


def _sum(tickets: Iterable[_Ticket]) -> int:
    return sum(ticket.needed_bytes for ticket in tickets)


def of_machine(memory_mb: int | None) -> MemoryAdmission:
    """The admission that all workers with the same run folder share on this machine.

    memory_mb: its capacity in millions of bytes; None for a share of the memory of the machine, or
    of the container or service that this process runs in. Raises AdmissionClosedError.
    """
    with _errors():
        machine = _machine_bytes(int(time.monotonic() / _SAME_MACHINE_SECONDS))
        folder = private_folder.run_folder() / "memory"
    capacity = machine * _SHARE if memory_mb is None else memory_mb * 1e6
    return MemoryAdmission(int(capacity), folder, int(machine * _SHARE_ALONE))


@lru_cache(maxsize=1)
def _machine_bytes(_: int) -> int:
    """Some files are read for it, and the limit of a container may change."""
    return machine_bytes()


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AdmissionClosedError(error.strerror or str(error)) from error
