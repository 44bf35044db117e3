"""Whether the settings are complete and each server can be used, before anything starts."""

from collections.abc import Callable, Mapping

import psycopg
import redis

from shared import settings
from shared.clients.object_store import S3Store
from shared.errors import FluximageError, OperatorError
from shared.services import redis_client
from shared.settings import Settings

CONNECT_SECONDS = 5
# Stands for the settings of an embedded server, which are known only once it runs.
PLACEHOLDERS = {
    "REDIS_URL": {"REDIS_URL": "redis://placeholder"},
    "DATABASE_URL": {"DATABASE_URL": "postgresql://placeholder"},
    "S3_ENDPOINT": {
        "S3_ENDPOINT": "http://placeholder",
        "S3_ACCESS_KEY": "placeholder",
        "S3_SECRET_KEY": "placeholder",
    },
}


def check_settings(environ: Mapping[str, str]) -> None:
    """Raises OperatorError with every fault that can be found before a server is started."""
    complete = dict(environ)
    for name, placeholders in PLACEHOLDERS.items():
        if not environ.get(name):
            complete |= placeholders
    settings.load(complete)


def check_servers(settings: Settings) -> None:
    """Use each server once and create the bucket; raises OperatorError naming one that fails."""
    database_url = settings.database_url.get_secret_value()
    checks: dict[str, Callable[[], object]] = {
        "REDIS_URL": lambda: redis_client(settings).ping(),
        "DATABASE_URL": lambda: psycopg.connect(
            database_url, connect_timeout=CONNECT_SECONDS
        ).close(),
        "S3_ENDPOINT": lambda: S3Store(settings).prepare(),
    }
    for name, check in checks.items():
        try:
            check()
        except (FluximageError, redis.RedisError, psycopg.Error, OSError, ValueError) as error:
            # Errors of other types quote the address, which holds the password.
            is_safe = isinstance(
                error, FluximageError | redis.RedisError | psycopg.OperationalError
            )
            reason = f": {str(error).splitlines()[0]}" if is_safe and str(error) else "."
            raise OperatorError(f"The server of {name} cannot be used{reason}") from error
