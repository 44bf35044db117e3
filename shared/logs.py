"""Logging: one JSON object per line on standard error, without API keys and links' signatures.

What a request or a step is about (`batch`, `session`, `request_id` …) stands on each of its lines.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from pythonjsonlogger.json import JsonFormatter

# Also a part of a key: a client may send one that is cut short. The signature of a link may be
# ours or the object store's.
_SECRET = re.compile(r"(flx_live_|(?i:signature)=)[0-9A-Fa-f]+")


# Of this request (a greenlet) or of this step (a thread).
_facts: ContextVar[Mapping[str, object]] = ContextVar("facts", default=MappingProxyType({}))


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """Adds to what stands on every line that is logged in the block."""
    token = _facts.set({**_facts.get(), **facts})
    try:
        yield
    finally:
        _facts.reset(token)


def begin(**facts: object) -> None:
    """Sets what stands on every line from now on; the facts of the request before are gone."""
    _facts.set(facts)


def add(**facts: object) -> None:
    """Adds to what stands on every line, until the enclosing `about` ends or the next `begin`."""
    _facts.set({**_facts.get(), **facts})


def facts() -> Mapping[str, object]:
    """Returns what stands on every line now."""
    return _facts.get()


def _add_to(record: logging.LogRecord) -> bool:
    vars(record).update({k: v for k, v in _facts.get().items() if k not in vars(record)})
    return True


class _SecretRemovingFormatter(JsonFormatter):
    """Removes API keys, which clients sometimes send in the wrong place, such as the path, and the
    signatures of links.
    """

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub(r"\1[removed]", super().format(record))


def configure(level: int = logging.INFO) -> None:
    """Sends the lines of every logger in this process to one JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _SecretRemovingFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            json_default=str,
        )
    )
    handler.addFilter(_add_to)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("urllib3", "httpx2", "celery", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It logs every connection attempt, many per second while Postgres is down, which we log once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
