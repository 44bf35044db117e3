"""Server-sent events: the ended images of a session as they end (WHATWG HTML, 9.2)."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from api.context import Context
from api.disconnect import has_hung_up
from api.responses import ended_body
from api.session_feed import Event, EventPage, SessionFeed
from shared.answers import session_end
from shared.clients.pubsub import News, session_topic
from shared.db import views
from shared.db.views import View
from shared.errors import NotFoundError, UnavailableError

logger = logging.getLogger(__name__)

_RETRY_MILLISECONDS = 2000
_COMMENT_SECONDS = 15.0
# So often a stream looks whether its client is there and its key is valid.
_LOOK_SECONDS = 2.0
_PAGE_IMAGES = 100
_PART_BYTES = 16 * 1024  # written at once, within the time that a slow client is allowed


@dataclass(frozen=True)
class Listening:
    """Who listens to what: the session's page at the start, and the number that was seen last."""

    account_id: int
    key_hash: bytes
    session: View
    after: int


def events_of(context: Context, listening: Listening) -> Iterator[bytes]:
    """Yields the events after `listening.after` until the session has ended.

    Also ends when the process does, when the key is revoked, when the client hangs up, and when
    the session is gone. Needs the context of the request. While a server is down it goes on, and
    sends what ended meanwhile.
    """
    yield f"retry: {_RETRY_MILLISECONDS}\n\n".encode()
    with ExitStack() as stack:
        session_id = listening.session.session_id
        news = stack.enter_context(context.listener.watching(session_topic(session_id)))
        feed = stack.enter_context(context.feeds.of(session_id))
        stack.enter_context(context.key_watch.watching(listening.key_hash))
        yield from _follow(context, listening, news, feed)


def _follow(
    context: Context, listening: Listening, news: News, feed: SessionFeed
) -> Iterator[bytes]:
    after, sent_at = listening.after, time.monotonic()
    while _goes_on(context, listening):
        heard = news.count
        page = _read(context, listening, feed, after, heard)
        if page is None:
            return
        for part in _parts(page):
            yield part
            sent_at = time.monotonic()
        after = page.last_number
        if page.more:
            continue
        if page.end is not None:
            return
        if time.monotonic() - sent_at >= _COMMENT_SECONDS:
            yield b":\n\n"
            sent_at = time.monotonic()
        comment_seconds = _COMMENT_SECONDS - (time.monotonic() - sent_at)
        news.wait_past(heard, max(0.0, min(_LOOK_SECONDS, comment_seconds)))


def _goes_on(context: Context, listening: Listening) -> bool:
    return (
        not context.listener.closing
        and not has_hung_up()
        and context.key_watch.is_valid(listening.key_hash)
    )


def _read(
    context: Context, listening: Listening, feed: SessionFeed, after: int, version: int
) -> EventPage | None:
    """What follows; None where the session is gone, and nothing while it cannot be read."""

    def read(number: int) -> EventPage:
        name = listening.session.session_name
        database = context.services.database
        return _page(
            views.view_session(
                database, listening.account_id, name, after_number=number, limit=_PAGE_IMAGES
            )
        )

    try:
        return feed.page_after(after, version, read, news=context.listener.subscribed)
    except NotFoundError:
        return None
    except UnavailableError:
        return EventPage((), after)


def _page(view: View) -> EventPage:
    return EventPage(
        tuple(
            Event(image.ended_number, _event("image", element, image.ended_number))
            for image in view.images
            if (element := ended_body(image))
        ),
        view.last_number,
        more=len(view.images) == _PAGE_IMAGES and not view.complete,
        end=_event("session", session_end(view), view.last_number) if view.complete else None,
    )


def _event(name: str, data: Mapping[str, object], number: int) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))  # without a line break
    return f"event: {name}\nid: {number}\ndata: {text}\n\n".encode()


def _parts(page: EventPage) -> Iterator[bytes]:
    part = b""
    for text in (*(event.text for event in page.events), page.end or b""):
        part += text
        if len(part) >= _PART_BYTES:
            yield part
            part = b""
    if part:
        yield part
