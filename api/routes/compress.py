"""POST /api/compress: authenticate, read, validate, store, accept, dispatch, wait, answer."""

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, request

from api import fields, responses
from api.caller import account, authenticated
from api.context import context
from api.errors import answer
from api.fields import CompressRequest
from api.multipart import read_form
from api.waiting import Preference, preference, wait_until
from shared.clients.object_store import inputs_prefix, original_key, watermark_key
from shared.clients.pubsub import batch_topic
from shared.db import backlog, batches, credits, idempotency, sessions
from shared.db.batches import NewBatch, NewImage
from shared.db.sessions import View
from shared.errors import InvalidFieldError, RequestRefusedError, StoreError, UnavailableError
from shared.services import Services

blueprint = Blueprint("compress", __name__)

_ALL_FAILED = "No image could be processed"


@blueprint.post("/api/compress")
@authenticated
def compress() -> Response:
    """Takes a batch, waits for it as long as the client prefers, and answers its state."""
    services = context().services
    prefer = preference(services.settings.wait_limit_seconds)
    key = _idempotency_key()
    stall_seconds = services.settings.body_stall_seconds
    with (
        context().spool.share(account().id) as hold,
        read_form(request, fields.SPELLINGS, stall_seconds, hold) as form,
    ):
        now = credits.balance(services.database, account().id)
        wanted = fields.parse(form, now.allowance)
        batch = _accept_once(services, wanted, now, key)
    return _answer_when_done(services, batch, prefer)


def _accept_once(
    services: Services, wanted: CompressRequest, now: credits.Balance, key: str | None
) -> NewBatch | UUID:
    """The request's batch: a new one, or the id of the one its Idempotency-Key made before."""
    if key is None:
        return _accept(services, wanted, now, None)
    begun = idempotency.begin(
        services.database,
        account().id,
        key,
        _fingerprint(wanted),
        services.settings.idempotency_seconds,
    )
    if isinstance(begun, UUID):
        return begun
    try:
        return _accept(services, wanted, now, begun)
    except BaseException:
        idempotency.forget(services.database, begun)
        raise


def _accept(
    services: Services,
    wanted: CompressRequest,
    now: credits.Balance,
    accepting: idempotency.Accepting | None,
) -> NewBatch:
    # What can be refused is refused before anything is stored; `accept` checks again, under
    # the lock that parallel batches share.
    now.check(len(wanted.files), ai=wanted.ai)
    if wanted.ai and not services.settings.ai:
        raise UnavailableError("No AI provider is configured on this service", 3600)
    backlog.check_queue_age(services.database, services.settings.max_queue_age_seconds)
    batch_id = uuid4()
    try:
        images = _store(services, batch_id, wanted)
        batch = NewBatch(
            id=batch_id,
            account_id=account().id,
            session_name=wanted.session_id or str(uuid4()),
            options=wanted.options,
            images=images,
            watermark_key=watermark_key(batch_id) if wanted.watermark else None,
            notices=wanted.notices,
            idempotency=accepting,
        )
        batches.accept(services.database, uuid4(), batch)
    except (RequestRefusedError, StoreError):
        # Not when Postgres was lost: the batch may be in. The sweeper finds what no batch owns.
        _unstore(services, batch_id)
        raise
    with suppress(UnavailableError):  # accepted it is: the periodic process dispatches too
        services.dispatch()
    return batch


def _store(services: Services, batch_id: UUID, wanted: CompressRequest) -> Sequence[NewImage]:
    binary = "application/octet-stream"
    if wanted.watermark:
        mark = wanted.watermark
        services.store.put(watermark_key(batch_id), mark.content, mark.size, binary)
    for index, file in enumerate(wanted.files):
        services.store.put(original_key(batch_id, index), file.content, file.size, binary)
    return [NewImage(uuid4(), file.name, file.size, file.sha256) for file in wanted.files]


def _unstore(services: Services, batch_id: UUID) -> None:
    with suppress(StoreError):  # the sweeper finds objects that no batch owns
        services.store.delete_prefix(inputs_prefix(batch_id))


def _answer_when_done(services: Services, batch: NewBatch | UUID, prefer: Preference) -> Response:
    batch_id = batch if isinstance(batch, UUID) else batch.id
    wait_until(
        batch_topic(batch_id),
        lambda: sessions.is_batch_closed(services.database, batch_id),
        prefer.seconds,
    )
    try:
        response = _batch_answer(sessions.view_batch(services.database, account().id, batch_id))
    except UnavailableError:
        if isinstance(batch, UUID):
            raise
        # It is in: a 503 would make its client send it again, and pay again.
        response = _not_yet(responses.accepted_body(batch), batch.session_name)
    if prefer.applied:
        response.headers["Preference-Applied"] = prefer.applied
    return response


def _batch_answer(view: View) -> Response:
    body = responses.batch_body(view)
    if not view.complete:
        return _not_yet(body, view.session_name)
    if view.progress.completed == 0:
        return answer({"error": _ALL_FAILED} | body, 422)
    return answer(body)


def _not_yet(body: dict[str, Any], session_name: str) -> Response:
    response = answer(body, 202)
    response.headers["Location"] = f"/api/sessions/{session_name}"
    response.headers["Retry-After"] = "1"
    return response


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise InvalidFieldError("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key


def _fingerprint(wanted: CompressRequest) -> bytes:
    """What makes two requests the same: every file's name and bytes, and every option."""
    facts = {
        "files": [(file.name, file.sha256.hex()) for file in wanted.files],
        "watermark": wanted.watermark and wanted.watermark.sha256.hex(),
        "options": wanted.options.to_json(),
        "session": wanted.session_id,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
