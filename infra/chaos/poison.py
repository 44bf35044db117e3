"""Inputs that harm the process that decodes them: a mark at the end of the file says how."""

from enum import StrEnum

_MARK = b"chaos:"


class Poison(StrEnum):
    """What a marked image does to the process that opens it."""

    SEGFAULT = "segfault"
    SIGKILL = "sigkill"
    MEMORY_ERROR = "memory-error"
    ENDLESS_LOOP = "endless-loop"
    SYSTEM_EXIT = "system-exit"
    SLOW = "slow"  # no harm: it only takes longer


def poisoned(picture: bytes, poison: Poison) -> bytes:
    """The picture with a mark behind its data, where decoders do not look."""
    return picture + _MARK + poison.encode()


def poison_in(data: bytes) -> Poison | None:
    """The mark of the data, if it has one."""
    _, mark, name = data[-32:].rpartition(_MARK)
    return Poison(name.decode()) if mark else None
