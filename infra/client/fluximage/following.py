"""Following a session by its server-sent events."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2

from fluximage.answers import Event, Image, ImageFailure, Notice, Progress, known
from fluximage.calls import Calls, session_path
from fluximage.errors import Temporary

_SILENT_SECONDS = 45.0  # the service sends a comment every 15 s


def events(calls: Calls, session_id: str, cursor: str | None) -> Iterator[Event]:
    """Yields each event after the cursor, the session's end last; goes on after a broken line."""
    backoff = calls.backoff()
    while True:
        try:
            for event in listen(calls, session_id, cursor):
                yield event
                cursor, backoff = event.cursor, calls.backoff()
        except Temporary as error:
            backoff.wait(error)
        else:
            return


def listen(
    calls: Calls, session_id: str, cursor: str | None, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Yields the events of one connection; none where all was read before.

    stop: ends it at the next comment. Raises Temporary where it ends before the session does.
    """
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": cursor} if cursor else {})
    path = f"{session_path(session_id)}/events"
    with calls.stream(path, headers=headers, read_seconds=_SILENT_SECONDS) as answer:
        if answer.status_code == httpx2.codes.NO_CONTENT:
            return
        answer.stream = _Stoppable(answer.stream, stop or threading.Event())
        for sent in httpx2.EventSource(answer):
            if sent.event not in ("image", "session"):
                continue
            event = _event(sent.event, sent.json(), sent.id or cursor, session_id, cursor)
            cursor = event.cursor
            yield event
            if event.status:
                return
    raise Temporary("The stream of events ended before the session", code="stream_ended")


class _Stoppable(httpx2.SyncByteStream):
    def __init__(self, stream: Any, stop: threading.Event) -> None:
        self._stream = stream
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if self._stop.is_set():
                return
            yield chunk

    def close(self) -> None:
        self._stream.close()


def _event(name: str, body: Any, cursor: str | None, session_id: str, before: str | None) -> Event:
    if name == "session":
        return Event(cursor, status=body["status"], progress=known(Progress, body["progress"]))
    warnings = tuple(known(Notice, each) for each in body.get("warnings", ()))
    return Event(cursor, warnings=warnings, **_ended(body, session_id, before))


def _ended(body: Mapping[str, Any], session_id: str, before: str | None) -> dict[str, Any]:
    if "error" in body:
        return {"error": known(ImageFailure, body)}
    return {"image": known(Image, body, session_id=session_id, page_cursor=before)}
