"""What `fluximage up` and the processes that it starts tell each other, through the environment.

Another supervisor sets none of these variables, and then nothing here has an effect.
"""

import os
from contextlib import suppress
from pathlib import Path

READY_DESCRIPTOR = "SUPERVISOR_READY_DESCRIPTOR"
SLOT = "SUPERVISOR_SLOT"
UNREADY_FILE = "SUPERVISOR_UNREADY_FILE"


def tell_ready() -> None:
    """Tells the supervisor that this process serves; does nothing when it was told already."""
    if descriptor := os.environ.pop(READY_DESCRIPTOR, None):
        with suppress(OSError), open(int(descriptor), "wb", buffering=0) as pipe:
            pipe.write(b"\n")  # an error: another process of ours has told it


def slot() -> str | None:
    """A name that this process shares with those that ran in its place before; all are dead."""
    return os.environ.get(SLOT)


def unready_parts() -> list[str]:
    """The names of the supervisor's children that do not serve at this moment."""
    if not (path := os.environ.get(UNREADY_FILE)):
        return []
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8").split()
    return []
