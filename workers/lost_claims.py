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


# What a run may take beside the engine: it loads, waits for memory, and saves.
_OVERHEAD_SECONDS = 1.0


def end(
    services: Services,
    lost: Iterable[LostClaim],
    *,
    after_outage: bool = False,
    used_seconds: float | None = None,
    at_limit: bool = False,
) -> None:
    """Ends claims that nobody works on any more; each counts as one of the image's attempts.

    after_outage: the worker may be silent because the database was, so no attempt counts.
    used_seconds: the CPU that the run took, where that is known. at_limit: it was ended at the task
    limit, which is in wall time. An image that took more CPU than its estimate allows fails then,
    since another run would too; one that took less was kept from its core.
    A claim that was committed meanwhile is left alone. Raises UnavailableError while Postgres is
    down.
    """
    limit_seconds = services.settings.task_limit_seconds
    for one in lost:
        logger.warning("a worker was lost", extra={"image": one.claim.image_id})
        # What it can have used: it was killed at the task limit, if not before.
        cpu_seconds = min(one.seconds, limit_seconds) if used_seconds is None else used_seconds
        services.metrics.count_cpu(cpu_seconds)
        if after_outage:
            images.unclaim(services.database, one.step, one.claim.image_id, one.claim.token)
        elif at_limit and cpu_seconds > one.max_cpu_seconds + _OVERHEAD_SECONDS:
            _end_image(services, one, _too_much_work(limit_seconds), cpu_seconds)
        elif one.attempts < services.settings.max_attempts:
            _send_again(services, one, cpu_seconds)
        else:
            _end_image(services, one, ImageError(NOT_PROCESSED), cpu_seconds)


def _too_much_work(limit_seconds: int) -> ImageError:
    return TooMuchWorkError(
        f"This image took longer than the {limit_seconds} s that one may take; ask for a smaller"
        " maxWidth, or for another format"
    )


def end_undescribed(services: Services, claim: ClaimRef) -> ImageEnded | None:
    """Delivers the image without a text; None when the claim was lost."""
    notice = Notice(AiUnreachableError.code, "The image could not be described in time")
    return descriptions.complete(services.database, claim, Description(), notice)


def _end_image(services: Services, lost: LostClaim, error: ImageError, cpu_seconds: float) -> None:
    if lost.step is DESCRIBE:
        ended = end_undescribed(services, lost.claim)
    else:
        ended = images.fail(services.database, lost.claim, error, cpu_seconds)
    if ended is not None:
        services.announce(ended)


def _send_again(services: Services, lost: LostClaim, cpu_seconds: float) -> None:
    image_id = lost.claim.image_id
    try:
        if lost.step is DESCRIBE:
            if descriptions.postpone(services.database, lost.claim, attempt_counts=True):
                services.queue.publish_description(image_id)
        elif images.requeue(services.database, lost.claim, cpu_seconds):
            services.queue.publish_image(image_id, ai=lost.ai, lane=lost.lane)
    except UnavailableError:
        services.database.ping()
        logger.warning("an image was not sent again yet", extra={"image": image_id})
