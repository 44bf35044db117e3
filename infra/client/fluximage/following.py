"""Following a session by its server-sent events."""

from collections.abc import Iterator

from fluximage.answers import Event
from fluximage.calls import Calls


def events(calls: Calls, session_id: str, cursor: str | None) -> Iterator[Event]:
    """Yields each event after the cursor."""
    raise NotImplementedError
