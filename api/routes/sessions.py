"""The account's sessions: list them; read, cancel or delete one."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from flask import Blueprint, Response, request

from api.arguments import CURSOR, LIMIT, WAIT
from api.caller import account, authenticated
from api.context import context
from api.dispatching import dispatch_after_commit
from api.fields import SESSION_ID
from api.openapi import examples
from api.openapi.declare import Answer, Call, Tag, documented
from api.parameters import Text
from api.responses import json_response, session_body
from api.session_cursor import LIST_CURSOR, cursor_of
from api.waiting import wait_until
from shared import bodies, logs
from shared.answers import session_list_body
from shared.clients import pubsub
from shared.clients.object_store import batch_prefix
from shared.clients.pubsub import batch_topic, session_topic
from shared.db import sessions, views
from shared.db.session_list import newest_sessions
from shared.db.views import View
from shared.errors import InvalidFieldError, NotFoundError, UnavailableError

blueprint = Blueprint("sessions", __name__)

# Each batch costs a call to the store while the client waits; the sweep deletes the rest.
_MAX_BATCHES_DELETED_NOW = 20


LIST_LIMIT = replace(LIMIT, sentence="How many sessions a page has at most.")
SESSION_IN_PATH = Text(name="session_id", sentence="The session's id.", example="spring-sale")


@blueprint.get("/api/sessions")
@documented(
    Call(
        "listSessions",
        Tag.IMAGES,
        query=(LIST_LIMIT, LIST_CURSOR),
        answers={200: Answer("The page.", bodies.SessionList, examples.SESSIONS)},
        refusals=(InvalidFieldError,),
    )
)
@authenticated
def list_sessions() -> Response:
    """Returns a page of the account's sessions, the newest first.

    Go on with `cursor` and the `next_cursor` of the last answer until it is null.
    """
    limit, after = LIST_LIMIT.read(request.args), LIST_CURSOR.read(request.args)
    found, last = newest_sessions(
        context().services.database, account().id, after=after, limit=limit
    )
    return json_response(session_list_body(found, cursor_of(last) if last else None))


@blueprint.get("/api/sessions/<session_id>")
@documented(
    Call(
        "getSession",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        query=(LIMIT, CURSOR, WAIT),
        answers={200: Answer("The page.", bodies.SessionPage, examples.SESSION)},
        refusals=(InvalidFieldError, NotFoundError),
    )
)
@authenticated
def poll(session_id: str) -> Response:
    """Returns a page of a session: what has ended, and the progress.

    Go on with `cursor` and the `next_cursor` of the last answer until it is null. `wait` delays the
    answer until another image has ended.
    """
    check_session_id(session_id)
    services = context().services
    limit = LIMIT.read(request.args)
    wait_seconds = min(WAIT.read(request.args), services.settings.wait_limit_seconds)
    after = CURSOR.read(request.args)

    def view() -> View:
        return views.view_session(
            services.database, account().id, session_id, after_number=after, limit=limit
        )

    page = view()

    def has_news(since: float) -> bool:
        nonlocal page
        key = (account().id, session_id, after, limit)
        page = context().session_pages.get(key, since, view)
        return bool(page.images or page.complete)

    if wait_seconds and not page.images and not page.complete:
        wait_until(session_topic(page.session_id), has_news, wait_seconds)
    return json_response(session_body(page))


@blueprint.post("/api/sessions/<session_id>/cancel")
@documented(
    Call(
        "cancelSession",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        answers={200: Answer("Its first page.", bodies.SessionPage, examples.CANCELLED)},
        refusals=(NotFoundError,),
    )
)
@authenticated
def cancel(session_id: str) -> Response:
    """Cancels what has not ended and keeps every result.

    Credits of what is cancelled are given back. The session takes more batches.
    """
    check_session_id(session_id)
    ended = sessions.cancel(context().services.database, account().id, session_id)
    _tell(*ended)
    return json_response(first_page(session_id))


@blueprint.delete("/api/sessions/<session_id>")
@documented(
    Call(
        "deleteSession",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        answers={200: Answer("What became of it.", bodies.SessionPage, examples.DELETED)},
        refusals=(NotFoundError,),
    )
)
@authenticated
def delete(session_id: str) -> Response:
    """Cancels what has not ended and deletes what is stored.

    Unspent credits are given back. The session accepts no more batches.
    """
    check_session_id(session_id)
    services = context().services
    internal_id, batch_ids = sessions.delete(services.database, account().id, session_id)
    _tell(internal_id, batch_ids)
    with suppress(UnavailableError):  # the sweep deletes them then
        for batch_id in batch_ids[:_MAX_BATCHES_DELETED_NOW]:
            services.store.delete_prefix(batch_prefix(batch_id))
    return json_response(first_page(session_id))


def _tell(internal_id: UUID, batch_ids: Iterable[UUID]) -> None:
    """Wakes who waits for the session or one of its batches, whose webhooks are due now."""
    services = context().services
    topics = [session_topic(internal_id), *map(batch_topic, batch_ids)]
    pubsub.publish(services.redis, topics)
    dispatch_after_commit(services.dispatch_calls, services.dispatch)


def first_page(session_id: str) -> bodies.SessionPage:
    """The session's first page, as a call answers that has changed the session."""
    return session_body(
        views.view_session(
            context().services.database,
            account().id,
            session_id,
            after_number=0,
            limit=LIMIT.default,
        )
    )


def check_session_id(session_id: str) -> None:
    """Raises NotFoundError for a text that no session can have as its id."""
    # Such a session cannot exist, and Postgres refuses a text with a NUL character.
    if not SESSION_ID.fits(session_id):
        raise NotFoundError("There is no such session")
    logs.add(session=session_id)
