"""The documented bodies of the API as frozen dataclasses. Keys that are not known are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

Status = Literal["queued", "processing", "completed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning: `index` None means the whole batch; `batch_id` is set in a session's page."""

    code: str
    message: str
    index: int | None = None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A finished image, as an element of `data` says it.

    width, height: pixels. original_size, compressed_size: bytes. url: signed, until expires_at
    (ISO 8601, UTC). path: its folder, None without one. session_id, page_cursor: where
    `Client.download` finds a fresh link.
    """

    id: str
    batch_id: str
    index: int
    original_name: str
    file_name: str
    format: str
    width: int
    height: int
    original_size: int
    compressed_size: int
    saved_percent: float
    url: str = field(repr=False)  # its signature gives access
    expires_at: str
    alt_text: str | None = None
    watermarked: bool = False
    encoding: str | None = None
    path: str | None = None
    retry_of: str | None = None
    session_id: str = ""
    page_cursor: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """An image that failed, as an element of `errors` says it; `error` is its code."""

    index: int
    original_name: str
    error: str
    message: str
    id: str = ""
    batch_id: str = ""
    path: str | None = None
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How many images of a batch or session are in each state, and the bytes of the completed."""

    total: int
    queued: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    original_bytes: int = 0
    compressed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What `Client.send` returns: a batch at this moment, `progress` only while it is not done."""

    session_id: str
    batch_id: str
    status: Status
    images: tuple[Image, ...]
    errors: tuple[ImageFailure, ...]
    warnings: tuple[Notice, ...]
    progress: Progress | None = None

    @property
    def done(self) -> bool:
        """Whether every image of the batch has ended."""
        return self.progress is None


@dataclass(frozen=True, slots=True)
class SessionPage:
    """A page of a session: what ended after the cursor, in the order of ending.

    next_cursor: None when the session is completed and all was read.
    """

    session_id: str
    status: Status
    progress: Progress
    images: tuple[Image, ...]
    errors: tuple[ImageFailure, ...]
    warnings: tuple[Notice, ...]
    next_cursor: str | None
    archive_url: str | None = None
    retried: int | None = None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session in the list of the account's sessions; created_at is ISO 8601, UTC."""

    session_id: str
    status: Status
    progress: Progress
    created_at: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a session: an image that ended, well or badly, or that the session did.

    cursor: where `Client.events` goes on after this event.
    """

    cursor: str | None
    image: Image | None = None
    error: ImageFailure | None = None
    warnings: tuple[Notice, ...] = ()
    status: Status | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the key belongs to; its billing period as ISO 8601, UTC.

    ai: whether the service has an AI provider.
    """

    name: str
    plan: str
    period_started_at: str
    period_ends_at: str
    ai: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What the account has used and has left in its billing period; 99999 means unlimited."""

    plan: str
    compressor_used: int
    compressor_limit: int
    ia_credits_used: int
    ia_credits_monthly: int
    ia_topup_credits: int
    ia_credits_remaining: int
    can_compress: bool
    can_use_ia: bool
    topups: Mapping[str, str]

    @property
    def images_left(self) -> int | None:
        """Images that the period still has; None where the plan sets no limit."""
        if self.compressor_limit == UNLIMITED:
            return None
        return max(0, self.compressor_limit - self.compressor_used)


UNLIMITED = 99999
T = TypeVar("T")


def known(kind: type[T], body: Mapping[str, Any], **more: Any) -> T:
    """Returns a `kind` of the body's keys that it has, and of `more`."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # T is a dataclass
    return kind(**{name: value for name, value in body.items() if name in names} | more)


def batch(body: Mapping[str, Any]) -> Batch:
    """Returns the body of POST /api/compress."""
    session_id, batch_id = body["session_id"], body["batch_id"]
    return Batch(
        session_id,
        batch_id,
        body["status"],
        tuple(known(Image, image, session_id=session_id) for image in body["data"]),
        tuple(known(ImageFailure, error, batch_id=batch_id) for error in body["errors"]),
        tuple(known(Notice, notice, batch_id=batch_id) for notice in body["warnings"]),
        known(Progress, body["progress"]) if "progress" in body else None,
    )


def session_page(body: Mapping[str, Any], cursor: str | None) -> SessionPage:
    """Returns a page of a session that was asked for after `cursor`."""
    more = {"session_id": body["session_id"], "page_cursor": cursor}
    return known(
        SessionPage,
        body,
        progress=known(Progress, body["progress"]),
        images=tuple(known(Image, image, **more) for image in body["data"]),
        errors=tuple(known(ImageFailure, error) for error in body["errors"]),
        warnings=tuple(known(Notice, notice) for notice in body["warnings"]),
    )


def session_summary(body: Mapping[str, Any]) -> SessionSummary:
    """Returns an element of the list of sessions."""
    return known(SessionSummary, body, progress=known(Progress, body["progress"]))


def usage(body: Mapping[str, Any]) -> Usage:
    """Returns the body of GET /api/usage."""
    return known(Usage, body, can_compress=body["canCompress"], can_use_ia=body["canUseIA"])
