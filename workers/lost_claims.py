"""Claims whose process is gone: the image is sent again, or ends when its attempts are used up."""

import logging
from collections.abc import Iterable

from shared.db import descriptions, images
from shared.db.image_states import DESCRIBE
from shared.db.images import ImageEnded
from shared.db.upkeep import LostClaim
from shared.errors import (
    NOT_PROCESSED,
    AiUnreachableError,
    ImageError,
    TooMuchWorkError,
    UnavailableError,
)
from shared.models import ClaimRef, Description, Notice
from shared.services import Services

logger = logging.getLogger(__name__)


def end(services: Services, lost: Iterable[LostClaim], *, after_outage: bool = False) -> None:
    """Ends claims that nobody works on any more; each counts as one of the image's attempts.

    after_outage: the worker may be silent because the database was, so no attempt counts.
    A claim that was committed meanwhile is left alone. Raises UnavailableError while Postgres is
    down.
    """
    for one in lost:
        logger.warning("a worker was lost", extra={"image": one.claim.image_id})
        if after_outage:
            images.unclaim(services.database, one.step, one.claim.image_id, one.claim.token)
        elif one.attempts < services.settings.max_attempts:
            _send_again(services, one)
        else:
            _end_image(services, one, ImageError(NOT_PROCESSED))


def end_at_limit(services: Services, lost: Iterable[LostClaim]) -> None:
    """Ends claims of a process that is killed because it worked for longer than the task limit.

    The image fails, since another run would take as long. Raises UnavailableError while Postgres
    is down.
    """
    seconds = services.settings.task_limit_seconds
    error = TooMuchWorkError(
        f"This image took longer than the {seconds} s that one may take; ask for a smaller"
        " maxWidth, or for another format"
    )
    for one in lost:
        logger.warning("an image took too long", extra={"image": one.claim.image_id})
        _end_image(services, one, error)


def end_undescribed(services: Services, claim: ClaimRef) -> ImageEnded | None:
    """Delivers the image without a text; None when the claim was lost."""
    notice = Notice(AiUnreachableError.code, "The image could not be described in time")
    return descriptions.complete(services.database, claim, Description(), notice)


def _end_image(services: Services, lost: LostClaim, error: ImageError) -> None:
    if lost.step is DESCRIBE:
        ended = end_undescribed(services, lost.claim)
    else:
        ended = images.fail(services.database, lost.claim, error, _cpu_seconds(services, lost))
    if ended is not None:
        services.announce(ended)


def _cpu_seconds(services: Services, lost: LostClaim) -> float:
    """What the run can have taken: it was killed at the task limit, if not before."""
    return min(lost.seconds, services.settings.task_limit_seconds)


def _send_again(services: Services, lost: LostClaim) -> None:
    image_id = lost.claim.image_id
    try:
        if lost.step is DESCRIBE:
            if descriptions.postpone(services.database, lost.claim, attempt_counts=True):
                services.queue.publish_description(image_id)
        elif images.requeue(services.database, lost.claim, _cpu_seconds(services, lost)):
            services.queue.publish_image(image_id, ai=lost.ai, lane=lost.lane)
    except UnavailableError:
        services.database.ping()
        logger.warning("an image was not sent again yet", extra={"image": image_id})
