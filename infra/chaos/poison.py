"""Inputs that do harm to whoever processes them: told by what stands behind the picture."""

from enum import StrEnum

_MARK = b"chaos:"


class Poison(StrEnum):
    """What a marked picture does in the process that opens it."""

    SEGFAULT = "segfault"
    SIGKILL = "sigkill"
    MEMORY_ERROR = "memory-error"
    ENDLESS_LOOP = "endless-loop"
    SYSTEM_EXIT = "system-exit"
    SLOW = "slow"  # no harm: it only takes its time


def poisoned(picture: bytes, poison: Poison) -> bytes:
    """The picture with the mark behind it, where decoders do not look."""
    return picture + _MARK + poison.encode()


def poison_in(data: bytes) -> Poison | None:
    """What the data is marked with."""
    _, mark, name = data[-32:].rpartition(_MARK)
    return Poison(name.decode()) if mark else None
