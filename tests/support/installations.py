"""Installations of the tests' own beside the running service, on the same servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from infra.embedded import Stack


@contextmanager
def installation(stack: Stack, redis_database: int) -> Iterator[dict[str, str]]:
    """Addresses of an empty database, of a bucket to be created, and of an empty Redis."""
    name = f"other_{uuid4().hex}"
    server = stack.environment["DATABASE_URL"].removesuffix("/postgres")
    redis_url = stack.environment["REDIS_URL"].removesuffix("/0")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield stack.environment | {
            "DATABASE_URL": f"{server}/{name}",
            "REDIS_URL": f"{redis_url}/{redis_database}",
            "S3_BUCKET": name.replace("_", "-"),
        }
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
