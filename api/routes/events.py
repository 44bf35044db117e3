"""GET /api/sessions/{session_id}/events: the images of a session as they end."""

from flask import Blueprint, Response, request, stream_with_context

from api.arguments import cursor_argument, cursor_header
from api.caller import account, authenticated, bearer_key
from api.context import context
from api.event_stream import Listening, events_of
from api.routes.sessions import check_session_id
from api.slow_clients import bound_writes
from shared.db import views
from shared.db.accounts import key_hash

blueprint = Blueprint("events", __name__)

_HEADERS = {
    "Connection": "close",  # bound_writes has changed it
    "X-Accel-Buffering": "no",  # nginx would keep events back until there are many
}
# To take 16 KB; a client that was cut off resumes after the last event that it read.
_WRITE_SECONDS = 10.0


@blueprint.get("/api/sessions/<session_id>/events")
@authenticated
def listen(session_id: str) -> Response:
    """Streams each image as it ends, then the session's end, as server-sent events.

    `Last-Event-ID`, or `?cursor=`, resumes. What has ended already is answered with 204, on which
    a browser connects no more.
    """
    check_session_id(session_id)
    built = context()
    after = cursor_header("Last-Event-ID")
    after = cursor_argument() if after is None else after
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
        response.call_on_close(built.listeners.take(account().id))
        listening = Listening(account().id, key_hash(bearer_key()), view, after)
        response.response = stream_with_context(events_of(built, listening))
    return response
