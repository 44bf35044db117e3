"""The second step of one image: claim, load the preview, ask the model, commit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from shared import logs
from shared.db import ai_usage, descriptions
from shared.db.image_states import DESCRIBE
from shared.db.images import ImageEnded
from shared.errors import (
    AiAnswerError,
    AiLimitError,
    DatabaseDownError,
    DescriptionError,
    ObjectMissingError,
    UnavailableError,
)
from shared.models import Claim, Description, DescriptionRequest, Notice
from shared.services import Services
from shared.settings import Settings
from workers.ai.description import describe_image
from workers.steps.claiming import with_claim
from workers.steps.report import Report

if TYPE_CHECKING:  # see workers/celery.py
    from workers.ai.provider import Provider

logger = logging.getLogger(__name__)

_STORE_SECONDS = 20  # for the preview and the commit
_OUTAGE_SECONDS = 5.0  # until an image is tried again after one of our servers was down

_NOT_DESCRIBED = "The image could not be described"


def describe(services: Services, provider: Provider, image_id: UUID) -> None:
    """Has one image described if it can be claimed, and commits its end.

    Whatever is wrong with the provider or its answers, the image ends in `done`. A fault of one of
    our servers, or a limit that will pass, gives the claim back.
    """
    report = Report()
    attempt = partial(_attempt, services, provider, report)
    seconds = lease_seconds(services.settings)
    with logs.about(image=image_id):
        if done := with_claim(services, DESCRIBE, image_id, seconds, attempt):
            claim, ended = done
            services.announce(ended)
            report.publish(services, claim, "description")
            if ended.batch_closed:
                services.dispatch()  # its images have left room for others that are described


def lease_seconds(settings: Settings) -> int:
    """A call that starts within the budget may end after it, by its own timeout at most."""
    return settings.ai_budget_seconds + settings.ai_timeout_seconds + _STORE_SECONDS


def _attempt(
    services: Services, provider: Provider, report: Report, claim: Claim
) -> ImageEnded | None:
    end = partial(_end, services, claim, report)
    try:
        written, error = _run(services, provider, claim, report)
    except AiLimitError as limit:
        if limit.retry_after_seconds is None:
            return end(Description(), limit)
        descriptions.postpone(services.database, claim, limit.retry_after_seconds)
        return None
    except DescriptionError as failure:
        return end(Description(), failure)
    except ObjectMissingError:
        # Cancelled meanwhile, or lost: another attempt cannot bring it back.
        return end(Description(), DescriptionError(_NOT_DESCRIBED))
    except DatabaseDownError:
        raise  # for `with_claim`
    except UnavailableError:
        logger.warning("a server is down; the image waits")
        return _give_back(services, claim, end)
    except Exception:
        # Uncaught, the image would wait until its lease ends, and the model be asked again.
        logger.exception("an image was not described")
        return end(Description(), DescriptionError(_NOT_DESCRIBED))
    return end(written, error)


def _run(
    services: Services, provider: Provider, claim: Claim, report: Report
) -> tuple[Description, DescriptionError | None]:
    """What was written, and the error that says why something is missing."""
    request, settings = claim.options.description_request, services.settings
    if request is None or claim.preview_key is None:
        raise DescriptionError(_NOT_DESCRIBED)  # such an image never comes to this step
    deadline = time.monotonic() + settings.ai_budget_seconds
    ai_usage.check(services.database, claim.account_id, settings)
    with report.step("load"):
        picture = services.store.get(claim.preview_key)
    ask = partial(
        provider.ask,
        claim.account_id,
        deadline,
        on_tokens=partial(ai_usage.record, services.database, claim.account_id, claim.image_id),
    )
    with report.step("describe"):
        written = describe_image(ask, picture, request, settings.ai_alt_characters)
    return written, None if _is_complete(written, request) else AiAnswerError(
        "The AI provider gave no usable text for this image"
    )


def _is_complete(written: Description, request: DescriptionRequest) -> bool:
    lacks_alt_text = request.alt_text and written.alt_text is None
    lacks_file_name = request.file_name and written.stem is None
    return not lacks_alt_text and not lacks_file_name


def _end(
    services: Services,
    claim: Claim,
    report: Report,
    written: Description,
    error: DescriptionError | None,
) -> ImageEnded | None:
    report.result = error.code if error else "done"
    notice = Notice(error.code, error.message) if error else None
    ended = descriptions.complete(services.database, claim, written, notice)
    if ended is None:
        logger.warning("a late description was refused")
    return ended


def _give_back(
    services: Services,
    claim: Claim,
    end: Callable[[Description, DescriptionError], ImageEnded | None],
) -> ImageEnded | None:
    if claim.attempt >= services.settings.max_attempts:
        return end(Description(), DescriptionError(_NOT_DESCRIBED))
    descriptions.postpone(services.database, claim, _OUTAGE_SECONDS, attempt_counts=True)
    return None
