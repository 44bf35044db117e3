"""How many connections and uploads there is room for in this process."""

import logging
import resource
from dataclasses import dataclass

from api.archive import MAX_DOWNLOADS
from shared.settings import Settings

logger = logging.getLogger(__name__)

# Connections besides those of requests that last: short requests, and connections that idle.
_SHORT_REQUESTS = 500
_OTHER_FILES = 300  # of the process itself, its log, the database, Redis, the object store
# Of one upload: its 21 files (20 images and a watermark), and the connection to the object store.
_FILES_OF_UPLOAD = 22


@dataclass(frozen=True)
class Room:
    """How many connections, and how many uploads among them, this process takes at one time."""

    connections: int
    uploads: int


def room_for(settings: Settings) -> Room:
    """Returns what the settings ask for, or less where the process may not open so many files.

    Without files left it could accept nobody.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_uploads + settings.max_waiters + settings.max_listeners
    wanted += MAX_DOWNLOADS + _SHORT_REQUESTS
    if files == resource.RLIM_INFINITY:
        return Room(wanted, settings.max_uploads)
    connections = min(wanted, files // 2)
    uploads = max(1, (files - connections - _OTHER_FILES) // _FILES_OF_UPLOAD)
    if connections < wanted or uploads < settings.max_uploads:
        logger.warning(
            "this process may open %d files: it has room for %d connections and %d uploads at one"
            " time; raise its limit (ulimit -Hn) for more",
            files,
            connections,
            min(uploads, settings.max_uploads),
        )
    return Room(connections, min(uploads, settings.max_uploads))
