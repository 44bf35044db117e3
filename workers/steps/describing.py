"""The second step of one image: claim, load the preview, ask the model, commit."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from anthropic.types import MessageParam

from shared import ai_usage, descriptions
from shared.errors import AiLimitError, DescriptionError, ObjectMissingError, UnavailableError
from shared.images import Closing
from shared.models import Brief, Claim, Description, Notice, Tokens
from shared.services import Services
from workers.ai import prompt
from workers.ai.describe import describe as ask_for
from workers.ai.provider import Provider, Reply
from workers.steps.report import Report

logger = logging.getLogger(__name__)

_LEASE_MARGIN_SECONDS = 20  # for the store and the commit, beside the budget of the calls
_AGAIN_SECONDS = 5.0


def describe(services: Services, provider: Provider, image_id: UUID) -> None:
    """Has one image described if it can be claimed, and commits its end.

    Whatever is wrong with the provider or its answer, the image ends in `done`; what is wrong
    with a server of ours, and a limit that passes, gives the claim back.
    """
    lease_seconds = services.settings.ai_budget_seconds + _LEASE_MARGIN_SECONDS
    claim = descriptions.claim(services.database, image_id, lease_seconds)
    if claim is None:
        return
    report = Report()
    closing = _attempt(services, provider, claim, report)
    if closing is not None:
        services.announce(closing)
        report.tell(services, claim, "description")


def _attempt(
    services: Services, provider: Provider, claim: Claim, report: Report
) -> Closing | None:
    unexpected = DescriptionError("The image could not be described")
    try:
        description, faults = _run(services, provider, claim, report)
    except AiLimitError as error:
        if error.retry_after_seconds is None:
            return _end_without(services, claim, error, report)
        descriptions.unclaim(services.database, claim, error.retry_after_seconds)
        return None
    except DescriptionError as error:
        return _end_without(services, claim, error, report)
    except ObjectMissingError:
        return _end_without(services, claim, unexpected, report)
    except UnavailableError:
        logger.warning("a server is down; the image waits", extra={"image": claim.image_id})
        return _give_back(services, claim, unexpected, report)
    except Exception:
        # Uncaught, the image would wait for its lease to end, and be asked about again.
        logger.exception("an image could not be described", extra={"image": claim.image_id})
        return _end_without(services, claim, unexpected, report)
    ...
