"""Links to the archive of a session that need no key, so that a browser can save it."""

import time
from uuid import UUID

from flask import request

from api.context import context
from shared.db.views import View
from shared.errors import NotFoundError


def archive_url(view: View) -> str | None:
    """Returns a signed link, a path without a host; None where there is nothing to download."""
    if not view.progress.completed or view.status == "cancelled":
        return None
    built = context()
    expires = int(time.time()) + built.services.settings.url_seconds
    signature = built.secret_keys.sign(_signed_text(view.session_id, expires))
    return f"/api/archives/{view.session_id}?expires={expires}&signature={signature}"


def session_of_link(link_id: str) -> UUID:
    """Returns the internal id of the session that this request's link was signed for.

    Raises NotFoundError, the same for every link that is wrong in any way or has expired.
    """
    expires = _whole(request.args.get("expires", ""))
    session_id = _uuid(link_id)
    signature = request.args.get("signature", "")
    signed = context().secret_keys.verify(_signed_text(session_id, expires), signature)
    if not signed or expires < time.time():
        raise NotFoundError("There is no such session")
    return session_id


def _signed_text(session_id: UUID, expires: int) -> str:
    return f"archive {session_id} {expires}"


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
