"""One JSON object a log line, on standard error."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def configure(level: int = logging.INFO) -> None:
    """Sends every logger of this process through one JSON handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
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
