"""GET and DELETE /api/sessions/{session_id}: read a session page by page, or cancel it."""

from contextlib import suppress

from flask import Blueprint, Response

from api.arguments import cursor_argument, wait_argument, whole_argument
from api.caller import account, authenticated
from api.context import context
from api.fields import is_session_id
from api.responses import json_response, session_body
from api.waiting import wait_until
from shared import logs
from shared.clients import pubsub
from shared.clients.object_store import outputs_prefix
from shared.clients.pubsub import session_topic
from shared.db import sessions, views
from shared.db.views import View
from shared.errors import NotFoundError, UnavailableError

blueprint = Blueprint("sessions", __name__)

_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000
# Each batch costs a call to the store while the client waits; the sweep deletes the rest.
_MAX_BATCHES_DELETED_NOW = 20


@blueprint.get("/api/sessions/<session_id>")
@authenticated
def poll(session_id: str) -> Response:
    """Returns a page of the session; `?wait=` delays the answer until another image has ended."""
    _check(session_id)
    services = context().services
    limit = whole_argument("limit", 1, _MAX_LIMIT, _DEFAULT_LIMIT)
    wait_seconds = wait_argument(services.settings.wait_limit_seconds)
    after = cursor_argument()

    def view() -> View:
        return views.view_session(
            services.database, account().id, session_id, after_number=after, limit=limit
        )

    page = view()
    if wait_seconds and not page.images and not page.complete:
        wait_until(
            session_topic(page.session_id),
            lambda: sessions.has_ended_since(services.database, page.session_id, after),
            wait_seconds,
        )
        page = view()
    return json_response(session_body(page))


@blueprint.delete("/api/sessions/<session_id>")
@authenticated
def cancel(session_id: str) -> Response:
    """Cancels what has not ended, deletes what is stored and gives unspent credits back."""
    _check(session_id)
    services = context().services
    internal_id, batch_ids = sessions.cancel(services.database, account().id, session_id)
    pubsub.publish(
        services.redis, [session_topic(internal_id), *(pubsub.batch_topic(b) for b in batch_ids)]
    )
    services.dispatch_calls()
    with suppress(UnavailableError):  # the window may have room for another batch now
        services.dispatch()
    with suppress(UnavailableError):  # the sweep deletes them then
        for batch_id in batch_ids[:_MAX_BATCHES_DELETED_NOW]:
            services.store.delete_prefix(outputs_prefix(batch_id))
    view = views.view_session(
        services.database, account().id, session_id, after_number=0, limit=_DEFAULT_LIMIT
    )
    return json_response(session_body(view))


def _check(session_id: str) -> None:
    # Such a session cannot exist, and Postgres refuses a text with a NUL character.
    if not is_session_id(session_id):
        raise NotFoundError("There is no such session")
    logs.add(session=session_id)
