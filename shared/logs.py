"""Logging: one JSON object per line on standard error, without API keys."""

import logging
import re
import sys

from pythonjsonlogger.json import JsonFormatter

# Also a part of a key: a client may send one that is cut short.
_KEY = re.compile(r"flx_live_[0-9A-Fa-f]+")


class _KeyRemovingFormatter(JsonFormatter):
    """Removes API keys, which clients sometimes send in the wrong place, such as the path."""

    def format(self, record: logging.LogRecord) -> str:
        return _KEY.sub("flx_live_[removed]", super().format(record))


def configure(level: int = logging.INFO) -> None:
    """Sends the lines of every logger in this process to one JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _KeyRemovingFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            json_default=str,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("urllib3", "httpx2", "celery", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It logs every connection attempt, many per second while Postgres is down, which we log once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
