"""GET /api/sessions/{session_id}/archive, and the same behind a signed link."""

import time
from collections.abc import Callable

from flask import Blueprint, Response, request

from api.archive import DOWNLOADS_OF_ACCOUNT, stream_archive
from api.archive_links import session_of_link
from api.caller import account, authenticated, share
from api.context import context
from api.openapi.declare import Answer, Call, Tag, documented
from api.parameters import Text
from api.routes.sessions import SESSION_IN_PATH, check_session_id
from api.slow_clients import bound_writes, reset_unless_finished
from shared import logs
from shared.clients.slots import LEASE_SECONDS, Slot
from shared.db import archives
from shared.db.archives import ArchiveScope
from shared.errors import NotFoundError, TooManyRequestsError, UnavailableError
from shared.naming import content_disposition, stem_of

blueprint = Blueprint("archive", __name__)

_WRITE_SECONDS = 30.0  # to take 64 KB; below the lease of the slot
_HEADERS = {
    "Accept-Ranges": "none",  # an archive is made anew each time
    "Connection": "close",  # bound_writes has changed it
    "X-Accel-Buffering": "no",  # else nginx would write it to its disk, up to 1 GB
}


_ZIP = {200: Answer("The archive.", bytes, media_type="application/zip")}
_LINK_ID = Text(name="link_id", sentence="The archive of the link.", example="9c1d")
_EXPIRES = Text(name="expires", sentence="When the link ends.", example="1777716000")
_SIGNATURE = Text(name="signature", sentence="That this service made the link.", example="6f0c")


@blueprint.get("/api/sessions/<session_id>/archive")
@documented(
    Call(
        "getArchive",
        Tag.IMAGES,
        path=(SESSION_IN_PATH,),
        answers=_ZIP,
        refusals=(NotFoundError,),
    )
)
@authenticated
def archive(session_id: str) -> Response:
    """Returns a ZIP of all finished images, with a manifest.

    It is made while it is sent, so its length is not known before. While images are open, it holds
    those that have ended.
    """
    check_session_id(session_id)
    database = context().services.database
    return _respond(archives.scope_of(database, account().id, session_id))


@blueprint.get("/api/archives/<link_id>")
@documented(
    Call(
        "getArchiveOfLink",
        Tag.IMAGES,
        path=(_LINK_ID,),
        query=(_EXPIRES, _SIGNATURE),
        answers=_ZIP,
        refusals=(NotFoundError, TooManyRequestsError, UnavailableError),
    )
)
def archive_of_link(link_id: str) -> Response:
    """Returns the same ZIP for the signed link in a session's archive_url, without a key."""
    session_id = session_of_link(link_id)
    scope = archives.scope_of_id(context().services.database, session_id)
    logs.add(account=scope.account_id, session=scope.session_name)
    return _respond(scope)


def _respond(scope: ArchiveScope) -> Response:
    # An iterator, since the length of an empty text would be announced to HEAD.
    response = Response(iter(()), content_type="application/zip", headers=_HEADERS)
    name = f"{stem_of(f'{scope.session_name}.zip')}.zip"
    response.headers["Content-Disposition"] = content_disposition(name)
    if request.method != "GET":
        return response
    built = context()
    slot = Slot(built.services.redis, f"archives:{scope.account_id}", DOWNLOADS_OF_ACCOUNT)
    bound_writes(_WRITE_SECONDS)
    free = built.downloads.take(scope.account_id, share())
    response.call_on_close(free)
    try:
        slot.take()
    except TooManyRequestsError:
        free()
        raise
    response.call_on_close(slot.free)
    response.response = reset_unless_finished(
        stream_archive(built.services, scope, _every(LEASE_SECONDS / 6, slot.take))
    )
    return response


def _every(seconds: float, action: Callable[[], None]) -> Callable[[], None]:
    """A function that runs the action when so many seconds have passed since the last time."""
    last = time.monotonic()

    def run_if_due() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            action()

    return run_if_due
