"""Claims one step of an image for whatever is done under the claim.

A fault of the database never counts against the image: the claim is undone, also where only the
answer was lost and nobody knows whether it was made.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID, uuid4

from shared import logs
from shared.db import images
from shared.db.image_states import Step
from shared.errors import DatabaseDownError
from shared.models import Claim
from shared.services import Services
from workers.holder import holder

Ended = TypeVar("Ended")
logger = logging.getLogger(__name__)

# How long a worker waits for the database to take a claim back. Shorter than the grace period of a
# worker that is told to end. After it, the claim waits for the sweep, which saw the outage too.
_PATIENCE_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 2.0


def with_claim(
    services: Services,
    step: Step,
    image_id: UUID,
    lease_seconds: int,
    work: Callable[[Claim], Ended | None],
) -> tuple[Claim, Ended] | None:
    """Claims the step, and returns the claim and what `work` made of it.

    Returns None when the image does not wait for the step, when `work` returns None, and after a
    fault of the database, which undoes the claim.
    """
    token = uuid4()
    try:
        claim = images.claim(services.database, step, image_id, lease_seconds, holder(), token)
        ended = _logged(claim, work) if claim else None
    except DatabaseDownError:
        logger.warning("the database failed; the image waits")
        _unclaim(services, step, image_id, token)
        return None
    return None if claim is None or ended is None else (claim, ended)


def _logged(claim: Claim, work: Callable[[Claim], Ended | None]) -> Ended | None:
    logs.add(session=claim.session_name, batch=claim.batch_id)
    return work(claim)


def _unclaim(services: Services, step: Step, image_id: UUID, token: UUID) -> None:
    deadline, pause_seconds = time.monotonic() + _PATIENCE_SECONDS, 0.1
    while True:
        try:
            images.unclaim(services.database, step, image_id, token)
        except DatabaseDownError:
            if time.monotonic() + pause_seconds > deadline:
                logger.warning("a claim waits for the sweep")
                return
            time.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        else:
            return
