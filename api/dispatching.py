"""Sending what waits, after a request has committed what it did."""

import logging

from shared.errors import UnavailableError
from shared.services import Services

logger = logging.getLogger(__name__)


def dispatch_after_commit(services: Services) -> None:
    """Sends what waits to the workers. Raises nothing: what the client asked for is done by now,
    and the periodic process sends it too.
    """
    try:
        services.dispatch()
    except UnavailableError as error:
        logger.warning("what was accepted is not dispatched yet: %s", error.message)
    except Exception:
        logger.exception("what was accepted is not dispatched yet")
