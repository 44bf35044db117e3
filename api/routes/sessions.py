"""The account's sessions: list them; read, cancel or delete one."""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from flask import Blueprint, Response

from api.arguments import cursor_argument, wait_argument, whole_argument
from api.caller import account, authenticated
from api.context import context
from api.fields import is_session_id
from api.responses import json_response, session_body, session_list_body
from api.session_cursor import cursor_of, place_argument
from api.waiting import wait_until
from shared import logs
from shared.clients import pubsub
from shared.clients.object_store import outputs_prefix
from shared.clients.pubsub import batch_topic, session_topic
from shared.db import sessions, views
from shared.db.session_list import newest_sessions
from shared.db.views import View
from shared.errors import NotFoundError, UnavailableError

blueprint = Blueprint("sessions", __name__)

_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000
# Each batch costs a call to the store while the client waits; the sweep deletes the rest.
_MAX_BATCHES_DELETED_NOW = 20


@blueprint.get("/api/sessions")
@authenticated
def list_sessions() -> Response:
    """Returns a page of the account's sessions, the newest first."""
    limit = whole_argument("limit", 1, _MAX_LIMIT, _DEFAULT_LIMIT)
    found, last = newest_sessions(
        context().services.database, account().id, after=place_argument(), limit=limit
    )
    return json_response(session_list_body(found, cursor_of(last) if last else None))


@blueprint.get("/api/sessions/<session_id>")
@authenticated
def poll(session_id: str) -> Response:
    """Returns a page of the session; `?wait=` delays the answer until another image has ended."""
    check_session_id(session_id)
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


@blueprint.post("/api/sessions/<session_id>/cancel")
@authenticated
def cancel(session_id: str) -> Response:
    """Cancels what has not ended and gives its credits back; every result stays."""
    check_session_id(session_id)
    ended = sessions.cancel(context().services.database, account().id, session_id)
    _tell(*ended)
    return _first_page(session_id)


@blueprint.delete("/api/sessions/<session_id>")
@authenticated
def delete(session_id: str) -> Response:
    """Cancels what has not ended, deletes what is stored and gives unspent credits back."""
    check_session_id(session_id)
    services = context().services
    internal_id, batch_ids = sessions.delete(services.database, account().id, session_id)
    _tell(internal_id, batch_ids)
    with suppress(UnavailableError):  # the sweep deletes them then
        for batch_id in batch_ids[:_MAX_BATCHES_DELETED_NOW]:
            services.store.delete_prefix(outputs_prefix(batch_id))
    return _first_page(session_id)


def _tell(internal_id: UUID, batch_ids: Iterable[UUID]) -> None:
    """Wakes who waits for the session or one of its batches, and fills the window again."""
    services = context().services
    topics = [session_topic(internal_id), *map(batch_topic, batch_ids)]
    pubsub.publish(services.redis, topics)
    with suppress(UnavailableError):
        services.dispatch()


def _first_page(session_id: str) -> Response:
    view = views.view_session(
        context().services.database, account().id, session_id, after_number=0, limit=_DEFAULT_LIMIT
    )
    return json_response(session_body(view))


def check_session_id(session_id: str) -> None:
    """Raises NotFoundError for a text that no session can have as its id."""
    # Such a session cannot exist, and Postgres refuses a text with a NUL character.
    if not is_session_id(session_id):
        raise NotFoundError("There is no such session")
    logs.add(session=session_id)
