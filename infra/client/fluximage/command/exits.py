"""Exit statuses, the same for every command of the client, and the errors that lead to them."""

from enum import IntEnum


class Exit(IntEnum):
    """What a script can tell from the exit status."""

    DONE = 0
    FAILED = 1
    USAGE = 2  # click's own, too
    SOME_FAILED = 3
    REFUSED = 4  # the key or the plan
    TEMPORARY = 5
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command: a sentence for its user, and the exit status."""

    def __init__(self, message: str, status: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
