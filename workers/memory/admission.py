"""Memory admission: an image starts when the memory of this machine has room for it.

An image takes a ticket: a file in one folder, named by its turn and the bytes it needs, and
locked as long as the image waits and works. It is admitted if it fits beside all earlier tickets,
so the images in work never need more than the capacity. One that does not fit leaves no ticket, so
a smaller one may overtake it; only one that was told to be patient leaves its ticket and waits,
and then none overtakes it. An image that needs more than the whole capacity is admitted alone:
users want their image, and the capacity leaves some of the machine's memory free.

The kernel drops the locks of a process that ends, however it ends. A ticket without a lock is
void and is deleted by whoever finds it, so there is nothing to repair and no server to ask.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shared import private_folder
from shared.errors import AdmissionClosedError, MemoryTakenError, TooMuchWorkError
from workers.memory.limits import machine_bytes

# Of all memory, for the images in work together. What is left is for the processes themselves,
# about 80 MB each, and for estimates that are too low.
_SHARE = 0.6
_SHARE_ALONE = 0.9  # for one image that is admitted alone
_POLL_SECONDS = 0.05
# An image that does not fit is tried again for so long: the next one may end in this moment.
_MOMENT_SECONDS = 0.2


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
            self._wait(ticket, time.monotonic() + patience_seconds)
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
            with _errors(), self._exclusively():
                ticket, is_late = self._next_ticket(needed_bytes), time.monotonic() > deadline
                if self._fits(ticket) or (in_line and is_late):
                    return ticket, self._lock(ticket)
            if is_late:
                raise MemoryTakenError(needed_bytes)
            time.sleep(_POLL_SECONDS)

    def _wait(self, ticket: _Ticket, deadline: float) -> None:
        while not self._fits(ticket):
            if time.monotonic() > deadline:
                raise MemoryTakenError(ticket.needed_bytes)
            time.sleep(_POLL_SECONDS)

    def _next_ticket(self, needed_bytes: int) -> _Ticket:
        turn = max((other.turn for other in self._tickets()), default=0) + 1
        return _Ticket(turn, needed_bytes)

    def _lock(self, ticket: _Ticket) -> int:
        """The file descriptor that holds the lock of a new ticket; to be called exclusively."""
        # Not inherited by programs that an encoder starts, which may outlive us.
        lock = os.open(self._folder / ticket.name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One process at a time numbers, creates and locks its ticket."""
        with private_folder.opened(self._folder) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _fits(self, ticket: _Ticket) -> bool:
        with _errors():
            before = [
                other
                for other in self._tickets()
                if other.turn < ticket.turn and not self._is_void(other)
            ]
        needed = sum(one.needed_bytes for one in (*before, ticket))
        return not before or needed <= self._capacity_bytes

    def _is_void(self, other: _Ticket) -> bool:
        """Whether nobody holds an earlier ticket, which is then deleted.

        No new ticket can have its name meanwhile: as long as ours exists, new turns come behind it,
        and before that we have the folder for us alone.
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
    """The admission that all workers with the same run folder share on this machine.

    memory_mb: its capacity in millions of bytes; None for a share of the memory of the machine, or
    of the container or service that this process runs in. Raises AdmissionClosedError.
    """
    with _errors():
        machine, folder = machine_bytes(), private_folder.run_folder() / "memory"
    capacity = machine * _SHARE if memory_mb is None else memory_mb * 1e6
    return MemoryAdmission(int(capacity), folder, int(machine * _SHARE_ALONE))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AdmissionClosedError(error.strerror or str(error)) from error
