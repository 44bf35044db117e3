"""One JSON object a log line, on standard error, without anybody's API key."""

import logging
import re
import sys

from pythonjsonlogger.json import JsonFormatter

# Also what is left of one that came broken or cut short.
_KEY = re.compile(r"flx_live_[0-9A-Fa-f]+")


class _Discreet(JsonFormatter):
    """A key that a client put where none belongs, as in its request's line, is not kept."""

    def format(self, record: logging.LogRecord) -> str:
        return _KEY.sub("flx_live_[removed]", super().format(record))


def configure(level: int = logging.INFO) -> None:
    """Sends every logger of this process through one JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Discreet(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            json_default=str,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("urllib3", "httpx2", "celery", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # One line a connection attempt, many a second while Postgres is away; we say it ourselves.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
