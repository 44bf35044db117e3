"""GET and DELETE /api/sessions/{session_id}: read a session page by page, or cancel it."""

from contextlib import suppress

from flask import Blueprint, Response, request

from api.arguments import CURSOR, LIMIT, WAIT
from api.caller import account, authenticated
from api.context import context
from api.fields import SESSION_ID
from api.openapi import examples
from api.openapi.declare import Answer, Call, Tag, documented
from api.parameters import Text
from api.responses import json_response, session_body
from api.waiting import wait_until
from shared import bodies, logs
from shared.clients import pubsub
from shared.clients.object_store import outputs_prefix
from shared.clients.pubsub import session_topic
from shared.db import sessions, views
from shared.db.views import View
from shared.errors import InvalidFieldError, NotFoundError, UnavailableError

blueprint = Blueprint("sessions", __name__)

# Each batch costs a call to the store while the client waits; the sweep deletes the rest.
_MAX_BATCHES_DELETED_NOW = 20


# A path cannot hold what a session's id may not be, so such a session does not exist.
SESSION_IN_PATH = Text(name="session_id", sentence="The session's id.", example="spring-sale")


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
    _check(session_id)
    services = context().services
    limit = LIMIT.read(request.args)
    wait_seconds = min(WAIT.read(request.args), services.settings.wait_limit_seconds)
    after = CURSOR.read(request.args)

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
@documented(
    Call(
        "deleteSession",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        answers={200: Answer("What became of it.", bodies.SessionPage, examples.CANCELLED)},
        refusals=(NotFoundError,),
    )
)
@authenticated
def cancel(session_id: str) -> Response:
    """Cancels what has not ended and deletes what is stored.

    Unspent credits are given back. The session accepts no more batches.
    """
    _check(session_id)
    services = context().services
    internal_id, batch_ids = sessions.cancel(services.database, account().id, session_id)
    pubsub.publish(
        services.redis, [session_topic(internal_id), *(pubsub.batch_topic(b) for b in batch_ids)]
    )
    with suppress(UnavailableError):  # the window may have room for another batch now
        services.dispatch()
    with suppress(UnavailableError):  # the sweep deletes them then
        for batch_id in batch_ids[:_MAX_BATCHES_DELETED_NOW]:
            services.store.delete_prefix(outputs_prefix(batch_id))
    view = views.view_session(
        services.database, account().id, session_id, after_number=0, limit=LIMIT.default
    )
    return json_response(session_body(view))


def _check(session_id: str) -> None:
    # Such a session cannot exist, and Postgres refuses a text with a NUL character.
    if not SESSION_ID.fits(session_id):
        raise NotFoundError("There is no such session")
    logs.add(session=session_id)
