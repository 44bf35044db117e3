"""What `fluximage up` makes sure of before it starts anything of ours."""

from collections.abc import Callable, Mapping

import psycopg
import redis

from shared import settings
from shared.clients.object_store import S3Store
from shared.errors import FluximageError, OperatorError
from shared.services import redis_client
from shared.settings import Settings

CONNECT_SECONDS = 5
# Stands for what an embedded server will say of itself once it runs.
TO_COME = {
    "REDIS_URL": {"REDIS_URL": "redis://to-come"},
    "DATABASE_URL": {"DATABASE_URL": "postgresql://to-come"},
    "S3_ENDPOINT": {
        "S3_ENDPOINT": "http://to-come",
        "S3_ACCESS_KEY": "to-come",
        "S3_SECRET_KEY": "to-come",
    },
}


def check_settings(environ: Mapping[str, str]) -> None:
    """Raises OperatorError with every fault that shows before a server is started."""
    embedded = [more for name, more in TO_COME.items() if not environ.get(name)]
    settings.load(dict(environ) | {k: v for more in embedded for k, v in more.items()})


def check_servers(settings: Settings) -> None:
    """Use each server once and make the bucket; raises OperatorError naming the one that fails."""
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
            # Others quote the address, which holds the password.
            telling = isinstance(
                error, FluximageError | redis.RedisError | psycopg.OperationalError
            )
            reason = f": {str(error).splitlines()[0]}" if telling and str(error) else "."
            raise OperatorError(f"The server of {name} cannot be used{reason}") from error
