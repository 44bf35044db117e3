"""Who holds a claim: this worker, and the process in it. Both are written to the claimed row."""

import os
from uuid import uuid4

from shared import supervised

# Set before the fork, so all processes of a worker share it.
WORKER = supervised.slot() or uuid4().hex


def holder(pid: int | None = None) -> str:
    """The name of a process of this worker in the rows. pid: None for the calling process."""
    return f"{WORKER}/{pid or os.getpid()}"
