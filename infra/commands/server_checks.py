"""Whether the settings are complete and each server can be used, before anything starts."""

from collections.abc import Callable

import psycopg
import redis

from shared.clients import tls
from shared.clients.celery_queue import Queue, celery_app
from shared.clients.object_store import S3Store
from shared.db.database import Connection, parameters
from shared.errors import FluximageError, OperatorError, StoreError
from shared.services import redis_client
from shared.settings import Settings


def check_servers(settings: Settings) -> None:
    """Use each server once and create the bucket; raises OperatorError naming those that fail."""
    checks: dict[str, Callable[[Settings], object]] = {
        "REDIS_URL": use_redis,
        "DATABASE_URL": use_postgres,
        "S3_ENDPOINT": lambda settings: S3Store(settings).prepare(),
    }
    faults = []
    for name, check in checks.items():
        try:
            check(settings)
        except (FluximageError, redis.RedisError, psycopg.Error, OSError, ValueError) as error:
            faults.append(f"The server of {name} cannot be used: {reason(error)}.")
    if faults:
        raise OperatorError("\n".join(faults))


def use_redis(settings: Settings) -> None:
    """Builds every connection to Redis that the service has; raises what they raise."""
    with redis_client(settings) as client:
        client.ping()
    Queue(celery_app(settings)).ping()


def use_postgres(settings: Settings) -> None:
    """Builds a connection to Postgres as the service does; raises psycopg.Error."""
    connect(settings).close()


def connect(settings: Settings) -> Connection:
    """A connection with the parameters of the service's."""
    return psycopg.connect(**parameters(settings.database_url.get_secret_value()))


def reason(error: Exception) -> str:
    """Why a server cannot be used, in one line without its password."""
    if isinstance(error, StoreError):
        return error.reason.removesuffix(".")
    if isinstance(error, psycopg.OperationalError):
        return _of_postgres(error)
    if isinstance(error, FluximageError | redis.RedisError):
        return _of_redis(error.__cause__ or error)
    return type(error).__name__  # errors of other types quote the address, which holds the password


def _of_redis(error: BaseException) -> str:
    text = " ".join(str(error).splitlines())
    if found := tls.fault(text, "REDIS_URL", "redis://"):
        return found
    if isinstance(error, redis.AuthenticationError) or "AUTH" in text or "WRONGPASS" in text:
        return f"its user or password is refused ({text.removesuffix('.')})"
    if "onnection closed" in text or "reset by peer" in text:
        return "it closed the connection: where it wants TLS, write rediss:// in REDIS_URL"
    if isinstance(error, redis.TimeoutError):
        return "it does not answer; nor does one without TLS to rediss://"
    return text.removesuffix(".")


def _of_postgres(error: psycopg.OperationalError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = "; ".join(lines).removeprefix("connection failed: ").rstrip(".?")
    if "certificate verify failed" in text:
        return f"TLS: {text}. Name a private CA by sslrootcert=FILE in DATABASE_URL"
    return text
