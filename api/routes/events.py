"""GET /api/sessions/{session_id}/events: the images of a session as they end."""

from flask import Blueprint, Response, request, stream_with_context

from api.arguments import CURSOR, LAST_EVENT_ID
from api.caller import account, authenticated, bearer_key, share
from api.context import context
from api.event_stream import Listening, events_of
from api.openapi import examples
from api.openapi.declare import Answer, Call, Tag, documented
from api.routes.sessions import SESSION_IN_PATH, check_session_id
from api.slow_clients import bound_writes
from shared import bodies
from shared.db import views
from shared.db.accounts import key_hash
from shared.errors import InvalidFieldError, NotFoundError

blueprint = Blueprint("events", __name__)

_HEADERS = {
    "Connection": "close",  # bound_writes has changed it
    "X-Accel-Buffering": "no",  # nginx would keep events back until there are many
}
# To take 16 KB; a client that was cut off resumes after the last event that it read.
_WRITE_SECONDS = 10.0


@blueprint.get("/api/sessions/<session_id>/events")
@documented(
    Call(
        "listenToSession",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        query=(CURSOR,),
        headers=(LAST_EVENT_ID,),
        answers={
            200: Answer(
                "The stream. This is each of its events, with a line for each value.",
                bodies.SessionEvent,
                examples.EVENT,
                media_type="text/event-stream",
                carries=(bodies.Image, bodies.FailedImage, bodies.SessionEnd),
            ),
            204: Answer("The session has ended, and nothing followed."),
        },
        refusals=(InvalidFieldError, NotFoundError),
    )
)
@authenticated
def listen(session_id: str) -> Response:
    """Streams each image as it ends, then the session's end, as server-sent events.

    `Last-Event-ID`, or `cursor`, resumes after an event that was read. A comment line comes every
    15 s while nothing ends.
    """
    check_session_id(session_id)
    built = context()
    cursor, last_id = CURSOR.read(request.args), LAST_EVENT_ID.read(request.headers)  # both checked
    after = last_id if request.headers.get(LAST_EVENT_ID.name) else cursor
    view = views.view_session(
        built.services.database, account().id, session_id, after_number=after, limit=1
    )
    if after and view.complete and not view.images:
        nothing = Response(status=204)
        del nothing.headers["Content-Type"]
        return nothing
    # An iterator, since the length of an empty text would be announced to HEAD.
    kind = "text/event-stream; charset=utf-8"
    response = Response(iter(()), content_type=kind, headers=_HEADERS)
    if request.method == "GET":
        bound_writes(_WRITE_SECONDS)
        response.call_on_close(built.listeners.take(account().id, share()))
        listening = Listening(account().id, key_hash(bearer_key()), view, after)
        response.response = stream_with_context(events_of(built, listening))
    return response
