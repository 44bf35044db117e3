"""POST /api/sessions/{session_id}/retry: makes again what another run can help."""

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response

from api.caller import account, authenticated
from api.context import context
from api.dispatching import dispatch_after_commit
from api.openapi import examples
from api.openapi.declare import LOCATION, RETRY_AFTER, Answer, Call, Tag, documented
from api.remaking import copy_batches, delete_copies
from api.responses import json_response
from api.routes.sessions import SESSION_IN_PATH, check_session_id, first_page
from api.work_budget import check_work_budget
from shared import bodies
from shared.db import backlog, credits, retries
from shared.db.retries import Imperfect, NewBatch
from shared.errors import (
    AiNotAvailableError,
    ConflictError,
    GoneError,
    NoCreditsError,
    NotFoundError,
    PlanLimitError,
    QueueFullError,
    RequestRefusedError,
    StorageLimitError,
    UnavailableError,
    WorkLimitError,
)
from shared.services import Services

blueprint = Blueprint("retry", __name__)

_GONE = "What these images were made of was deleted together with the results; send them again"
_NO_PROVIDER = "This service has no AI provider now; it cannot describe these images"


@blueprint.post("/api/sessions/<session_id>/retry")
@documented(
    Call(
        "retrySession",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        answers={
            200: Answer(
                "There is nothing to make again.", bodies.SessionPage, examples.NOT_RETRIED
            ),
            202: Answer(
                "Images are made again: poll the session.",
                bodies.SessionPage,
                examples.RETRIED,
                headers=(LOCATION, RETRY_AFTER),
            ),
        },
        refusals=(
            PlanLimitError,
            AiNotAvailableError,
            NoCreditsError,
            StorageLimitError,
            NotFoundError,
            ConflictError,
            GoneError,
            WorkLimitError,
            QueueFullError,
        ),
    )
)
@authenticated
def retry(session_id: str) -> Response:
    """Makes again what failed, or got no text, for a reason that another run can help.

    The new images are a new batch of the same session, and each says which one it stands for in
    `retry_of`.
    """
    check_session_id(session_id)
    services = context().services
    # Read first: what another retry at the same time takes from it, it also takes from `images`.
    balance = credits.balance(services.database, account().id)
    images = retries.find(services.database, account().id, session_id)
    accepted = _accept(services, session_id, images, balance) if images else []
    publish = services.queue.publish_measuring
    dispatch_after_commit(*(partial(publish, batch.id) for batch in accepted))
    retried = sum(len(batch.images) for batch in accepted)
    body: bodies.SessionPage = {"retried": retried, **first_page(session_id)}
    response = json_response(body, 202 if retried else 200)
    if retried:
        response.headers["Location"] = f"/api/sessions/{session_id}"
        response.headers["Retry-After"] = "1"
    return response


def _accept(
    services: Services, session_id: str, images: Sequence[Imperfect], balance: credits.Balance
) -> list[NewBatch]:
    """Returns the new batches; none where another request was first."""
    stored = [image for image in images if not image.gone]
    limit_bytes = services.settings.storage_bytes(balance.plan)
    _check(services, stored, balance)
    balance.check_storage(sum(image.stored_bytes for image in stored), limit_bytes)
    batches = copy_batches(services.store, stored)
    if not batches:
        raise GoneError(_GONE)
    try:
        accepted = retries.accept(services.database, account().id, session_id, batches, limit_bytes)
    except RequestRefusedError:
        # Not where Postgres was lost: they may be accepted. If not, the sweep deletes the copies.
        delete_copies(services.store, [batch.id for batch in batches])
        raise
    kept = {batch.id for batch in accepted}
    delete_copies(services.store, [batch.id for batch in batches if batch.id not in kept])
    return accepted


def _check(services: Services, images: Sequence[Imperfect], balance: credits.Balance) -> None:
    """Refuses before anything is copied; `retries.accept` looks at the balance again."""
    ai_credits = sum(image.ai for image in images)
    compressions = sum(not image.is_done for image in images)
    check_work_budget()
    balance.check(compressions, ai_credits=ai_credits)
    if ai_credits and not services.settings.ai:
        raise UnavailableError(_NO_PROVIDER, 3600)
    backlog.check_queue(services.database, account().id, services.settings)
