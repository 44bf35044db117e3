"""POST /api/compress: authenticate, read, validate, store, accept, publish, wait, respond."""

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import UUID, uuid4

from flask import Blueprint, Response, request

from api import fields
from api.caller import account, authenticated, share
from api.context import context
from api.dispatching import dispatch_after_commit
from api.fields import CompressRequest
from api.multipart import read_form
from api.openapi import examples
from api.openapi.declare import LOCATION, RETRY_AFTER, Answer, Call, Tag, documented
from api.parameters import Pattern
from api.prefer import PREFER, PREFERENCE_APPLIED, Preference, preference
from api.responses import batch_body, json_response
from api.waiting import wait_until
from api.webhook_url import check_webhook_url
from api.work_budget import check_work_budget
from shared import bodies, errors, logs
from shared.answers import accepted_body
from shared.clients.object_store import inputs_prefix, original_key, watermark_key
from shared.clients.pubsub import batch_topic
from shared.db import backlog, batches, credits, idempotency, views
from shared.db.batches import NewBatch, NewImage
from shared.db.views import View
from shared.errors import RequestRefusedError, StoreError, UnavailableError
from shared.services import Services

logger = logging.getLogger(__name__)

blueprint = Blueprint("compress", __name__)

IDEMPOTENCY_KEY = Pattern(
    name="Idempotency-Key",
    pattern="[\\x21-\\x7e]{1,255}",
    words="1 to 255 visible ASCII characters",
    default=None,
    sentence="Makes it safe to send the request again, for 24 hours: a repeat with the same files "
    "and options answers the present state of the first batch and is charged nothing.",
    example="spring-sale-1",
)

_NO_PROVIDER = (
    "This service has no AI provider; send the batch without autoAltText and autoRenameSEO"
)


@blueprint.post("/api/compress")
@documented(
    Call(
        "compress",
        Tag.IMAGES,
        headers=(PREFER, IDEMPOTENCY_KEY),
        form=fields.FIELDS,
        answers={
            200: Answer(
                "The batch is done.", bodies.Batch, examples.BATCH, headers=(PREFERENCE_APPLIED,)
            ),
            202: Answer(
                "The batch is accepted and not done yet: poll its session.",
                bodies.Batch,
                examples.ACCEPTED,
                headers=(LOCATION, RETRY_AFTER, PREFERENCE_APPLIED),
            ),
            422: Answer(
                "The batch is done, and all of its images failed.",
                bodies.Batch,
                examples.ALL_FAILED,
                headers=(PREFERENCE_APPLIED,),
            ),
        },
        refusals=(
            errors.InvalidFieldError,
            errors.TooManyFilesError,
            errors.FileTooLargeError,
            errors.PlanLimitError,
            errors.AiNotAvailableError,
            errors.NoCreditsError,
            errors.StorageLimitError,
            errors.NotFoundError,
            errors.RequestTimeoutError,
            errors.ConflictError,
            errors.KeyReusedError,
            errors.WorkLimitError,
            errors.QueueFullError,
            413,
            415,
        ),
    )
)
@authenticated
def compress() -> Response:
    """Accepts a batch of images and returns its results.

    An image that fails costs nothing and does not delay the others: it is in `errors`. A field that
    is not known is ignored, with a warning.
    """
    services = context().services
    prefer = preference(services.settings.wait_limit_seconds)
    key = IDEMPOTENCY_KEY.read(request.headers)
    with context().uploads.held(account().id, share()):
        batch = _read_and_accept(services, key, waited_for=prefer.seconds > 0)
    return _respond_when_done(services, batch, prefer)


def _read_and_accept(services: Services, key: str | None, *, waited_for: bool) -> NewBatch | UUID:
    balance = credits.balance(services.database, account().id)  # `batches.accept` reads it again
    if key is None:  # else it may be a repeat, which gets its answer: only the whole request says
        check_work_budget()
        balance.check_any_left()
    with (
        context().upload_quota.for_upload(account().id) as reserve_bytes,
        read_form(request, fields.SPELLINGS, reserve_bytes) as form,
    ):
        parsed = fields.parse(form, balance.allowance)
        if parsed.webhook_url is not None:
            called = check_webhook_url(services, account().id, parsed.webhook_url)
            parsed = replace(parsed, webhook_url=called)
        return _accept_once(services, parsed, balance, key, waited_for=waited_for)


def _accept_once(
    services: Services,
    parsed: CompressRequest,
    balance: credits.Balance,
    key: str | None,
    *,
    waited_for: bool,
) -> NewBatch | UUID:
    """The request's batch: a new one, or the id of the one its Idempotency-Key made before."""
    if key is None:
        return _accept(services, parsed, balance, None, waited_for=waited_for)
    begun = idempotency.begin(
        services.database,
        account().id,
        key,
        _fingerprint(parsed),
        services.settings.idempotency_seconds,
    )
    if isinstance(begun, UUID):
        return begun
    try:
        return _accept(services, parsed, balance, begun, waited_for=waited_for)
    except BaseException:
        idempotency.forget(services.database, begun)
        raise


def _accept(
    services: Services,
    parsed: CompressRequest,
    balance: credits.Balance,
    key_claim: idempotency.KeyClaim | None,
    *,
    waited_for: bool,
) -> NewBatch:
    batch_id, session_name = uuid4(), parsed.session_id or str(uuid4())
    logs.add(batch=batch_id, session=session_name)
    if key_claim is not None:
        check_work_budget()
    _check(services, parsed, balance)
    try:
        images = _store_inputs(services, batch_id, parsed)
        batch = NewBatch(
            id=batch_id,
            account_id=account().id,
            session_name=session_name,
            options=parsed.options,
            images=images,
            watermark_key=watermark_key(batch_id) if parsed.watermark else None,
            notices=parsed.notices,
            idempotency=key_claim,
            webhook_url=parsed.webhook_url,
            waited_for=waited_for,
            watermark_size=parsed.watermark.size if parsed.watermark else 0,
            storage_limit_bytes=services.settings.storage_bytes(balance.plan),
        )
        batches.accept(services.database, uuid4(), batch)
    except (RequestRefusedError, StoreError):
        # Not where Postgres was lost: the batch may be committed. If it is not, the sweep
        # deletes the objects.
        _delete_inputs(services, batch_id)
        raise
    queue = services.queue
    publish = queue.publish_express if batch.is_express else queue.publish_measuring
    dispatch_after_commit(partial(publish, batch_id))
    return batch


def _check(services: Services, parsed: CompressRequest, balance: credits.Balance) -> None:
    """Refuses the request before anything is stored.

    `batches.accept` checks the balance again while it holds the account's lock, since another
    batch may have taken the last credits meanwhile.
    """
    count = len(parsed.files)
    balance.check(count, ai_credits=count if parsed.ai else 0)
    new_bytes = sum(file.size for file in [*parsed.files, *filter(None, [parsed.watermark])])
    balance.check_storage(new_bytes, services.settings.storage_bytes(balance.plan))
    if parsed.ai and not services.settings.ai:
        raise UnavailableError(_NO_PROVIDER, 3600)
    backlog.check_queue(services.database, account().id, services.settings)


def _store_inputs(
    services: Services, batch_id: UUID, parsed: CompressRequest
) -> Sequence[NewImage]:
    binary = "application/octet-stream"
    if parsed.watermark:
        mark = parsed.watermark
        services.store.put(watermark_key(batch_id), mark.content, mark.size, binary)
    for index, file in enumerate(parsed.files):
        services.store.put(original_key(batch_id, index), file.content, file.size, binary)
    return [
        NewImage(uuid4(), file.name, file.size, file.sha256, file.folder) for file in parsed.files
    ]


def _delete_inputs(services: Services, batch_id: UUID) -> None:
    with suppress(StoreError):  # the sweep deletes objects that no batch owns
        services.store.delete_prefix(inputs_prefix(batch_id))


def _respond_when_done(services: Services, batch: NewBatch | UUID, prefer: Preference) -> Response:
    batch_id = batch if isinstance(batch, UUID) else batch.id
    logs.add(batch=batch_id)
    try:
        response = _batch_response(_view_when_done(services, batch_id, prefer.seconds))
    except RequestRefusedError:  # its session was deleted meanwhile
        raise
    except Exception as error:
        if isinstance(batch, UUID):
            raise
        if not isinstance(error, UnavailableError):
            logger.exception("an accepted batch could not be read")
        # The batch is accepted: after a 5xx its client would send it again, and pay again.
        response = _not_done_yet(accepted_body(batch), batch.session_name)
    if prefer.applied:
        response.headers["Preference-Applied"] = prefer.applied
    return response


def _view_when_done(services: Services, batch_id: UUID, seconds: float) -> View:
    account_id = account().id
    complete: list[View] = []

    def is_complete(_: float) -> bool:
        view = views.view_batch(services.database, account_id, batch_id)
        complete.extend([view] if view.complete else [])
        return view.complete

    wait_until(batch_topic(batch_id), is_complete, seconds)
    return complete[0] if complete else views.view_batch(services.database, account_id, batch_id)


def _batch_response(view: View) -> Response:
    logs.add(session=view.session_name)
    body = batch_body(view)
    if not view.complete:
        return _not_done_yet(body, view.session_name)
    return json_response(body, 422 if "error" in body else 200)


def _not_done_yet(body: bodies.Batch, session_name: str) -> Response:
    response = json_response(body, 202)
    response.headers["Location"] = f"/api/sessions/{session_name}"
    response.headers["Retry-After"] = "1"
    return response


def _fingerprint(parsed: CompressRequest) -> bytes:
    """A digest that is equal for equal requests: each file's path and bytes, and each option.

    A file without a folder has no place for it: so it was before there were folders.
    """
    facts = {
        "files": [
            (file.name, file.sha256.hex(), *([file.folder] if file.folder else []))
            for file in parsed.files
        ],
        "watermark": parsed.watermark and parsed.watermark.sha256.hex(),
        "options": parsed.options.to_json(),
        "session": parsed.session_id,
    }
    if parsed.webhook_url is not None:  # without one, as it was before there were webhooks
        facts["webhook"] = parsed.webhook_url
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
