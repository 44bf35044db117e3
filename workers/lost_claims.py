"""Claims whose process is gone: the image is sent again, or ends when its attempts are used up."""

import logging
from collections.abc import Iterable

from shared.db import descriptions, images
from shared.db.image_states import DESCRIBE
from shared.db.images import ImageEnded
from shared.db.upkeep import LostClaim
from shared.errors import NOT_PROCESSED, AiUnreachableError, ImageError, UnavailableError
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
        elif (ended := _end_image(services, one)) is not None:
            services.announce(ended)


def end_undescribed(services: Services, claim: ClaimRef) -> ImageEnded | None:
    """Delivers the image without a text; None when the claim was lost."""
    notice = Notice(AiUnreachableError.code, "The image could not be described in time")
    return descriptions.complete(services.database, claim, Description(), notice)


def _end_image(services: Services, lost: LostClaim) -> ImageEnded | None:
    if lost.step is DESCRIBE:
        return end_undescribed(services, lost.claim)
    return images.fail(services.database, lost.claim, ImageError(NOT_PROCESSED))


def _send_again(services: Services, lost: LostClaim) -> None:
    image_id = lost.claim.image_id
    try:
        if lost.step is DESCRIBE:
            if descriptions.postpone(services.database, lost.claim, attempt_counts=True):
                services.queue.publish_description(image_id)
        elif images.requeue(services.database, lost.claim):
            services.queue.publish_image(image_id, ai=lost.ai)
    except UnavailableError:
        services.database.ping()
        logger.warning("an image was not sent again yet", extra={"image": image_id})
