"""Sending what waits, after a request has committed what it did."""

import logging
from collections.abc import Callable

from shared.errors import UnavailableError

logger = logging.getLogger(__name__)


def dispatch_after_commit(*sends: Callable[[], None]) -> None:
    """Sends what waits, by functions that publish it. Raises nothing: what the client asked for is
    done by now, and the periodic process sends it too.
    """
    for send in sends:
        try:
            send()
        except UnavailableError as error:
            logger.warning("what was accepted is not dispatched yet: %s", error.message)
        except Exception:
            logger.exception("what was accepted is not dispatched yet")
