"""The settings where servers are not known: before embedded ones run, or where none is needed."""

from collections.abc import Mapping

from shared import settings
from shared.settings import Settings

_PLACEHOLDERS = {
    "REDIS_URL": {"REDIS_URL": "redis://placeholder"},
    "DATABASE_URL": {"DATABASE_URL": "postgresql://placeholder"},
    "S3_ENDPOINT": {
        "S3_ENDPOINT": "http://placeholder",
        "S3_ACCESS_KEY": "placeholder",
        "S3_SECRET_KEY": "placeholder",
    },
}


def load_without_servers(environ: Mapping[str, str]) -> Settings:
    """The settings, with a placeholder for each server that `environ` does not name.

    Raises OperatorError with every fault of the others.
    """
    complete = dict(environ)
    for name, placeholders in _PLACEHOLDERS.items():
        if not environ.get(name):
            complete |= placeholders
    return settings.load(complete)
