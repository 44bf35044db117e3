"""Notices while `fluximage up` runs that the key of its demo account was rolled."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.commands.demo_account import Demo, find_or_create
from infra.embedded.data_dir import DataDir
from shared.db.database import Database
from shared.errors import OperatorError, UnavailableError

LOOK_SECONDS = 2.0
logger = logging.getLogger(__name__)


@contextmanager
def watching(
    database: Database, data_dir: DataDir, demo: Demo, tell: Callable[[Demo], None]
) -> Iterator[None]:
    """Calls `tell` with what `find_or_create` says after each change of the key, in a thread.

    Not in the supervisor's loop: a database that does not answer would hold up its restart.
    """
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(ended, database, data_dir, demo, tell))
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(
    ended: threading.Event,
    database: Database,
    data_dir: DataDir,
    told: Demo,
    tell: Callable[[Demo], None],
) -> None:
    seen = told
    while not ended.wait(LOOK_SECONDS):
        try:
            before, seen = seen, find_or_create(database, data_dir)
            # Seen twice: `fluximage keys roll` keeps the new key a moment after the old one ended.
            if seen == before != told:
                told = seen
                tell(told)
        except UnavailableError:
            continue
        except (OperatorError, OSError) as error:
            logger.warning("a new key of the demo account will not be noticed: %s", error)
            return
