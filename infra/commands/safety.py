"""What is unsafe about the settings of our servers, and what to do about it.

Only of fsync a start is refused: without it, the first crash of Postgres' machine can leave files
that contradict each other, and then not the last second is lost but every account, credit and
session. All else costs time, or some seconds of what was accepted, and may be meant so.
"""

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import psycopg
import redis
import urllib3

from infra.commands.checks import CONNECT_SECONDS
from shared.clients.object_store import S3Store
from shared.errors import OperatorError, StoreError
from shared.services import redis_client
from shared.settings import Settings

OLDEST_REDIS, OLDEST_POSTGRES = 7, 15  # as README says
MOST_SKEW_SECONDS = 5.0
PROBE_KEY = "fluximage-check"  # no batch's: these are UUIDs
PARAMETERS = ["fsync", "full_page_writes", "synchronous_commit"]


class Level(StrEnum):
    """How bad a finding is; the value is what the operator reads."""

    UNKNOWN = "unknown"  # the server does not say
    UNSAFE = "unsafe"
    FATAL = "refused"  # no start with it


@dataclass(frozen=True)
class Finding:
    """One fault: `text` names the server, what can happen, and what to do."""

    level: Level
    text: str


def findings(settings: Settings) -> list[Finding]:
    """What was found; a server that cannot be asked is an unknown one. The bucket must be there."""
    asked: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "Redis": _redis,
        "Postgres": _postgres,
        "The object store": _bucket,
    }
    found: list[Finding] = []
    for server, ask in asked.items():
        try:
            found += ask(settings)
        except (redis.RedisError, psycopg.Error, StoreError, urllib3.exceptions.HTTPError):
            text = f"{server} did not answer, or not this user: its settings could not be checked."
            found.append(Finding(Level.UNKNOWN, text))
    return found


def warn(settings: Settings) -> list[Finding]:
    """Prints each finding on standard error, and gives them; raises OperatorError for a fatal one.

    The fatal one is the error's text.
    """
    found = findings(settings)
    for one in found:
        if one.level is not Level.FATAL:
            print(f"fluximage: {one.level}: {one.text}", file=sys.stderr)
    for one in found:
        if one.level is Level.FATAL:
            raise OperatorError(f"{one.level}: {one.text}")
    return found


def _redis(settings: Settings) -> Iterator[Finding]:
    with redis_client(settings) as client:
        return of_redis(client.info())


def _postgres(settings: Settings) -> Iterator[Finding]:
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        before = time.time()
        ((theirs,),) = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        skew = (before + time.time()) / 2 - theirs
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (PARAMETERS,)
        ).fetchall()
        yield from of_postgres(connection.info.server_version // 10_000, dict(rows))
        yield from of_clock(skew)


def _bucket(settings: Settings) -> Iterator[Finding]:
    """Puts an object there and asks for it as a stranger would."""
    store = S3Store(settings)
    store.put(PROBE_KEY, io.BytesIO(b"?"), 1, "text/plain")
    url = f"{settings.s3_endpoint.rstrip('/')}/{settings.s3_bucket}/{PROBE_KEY}"
    try:
        with urllib3.PoolManager(timeout=CONNECT_SECONDS, retries=False) as pool:
            status = pool.request("GET", url).status
    finally:
        store.delete(PROBE_KEY)
    if status == 200:
        yield Finding(
            Level.UNSAFE,
            f"The bucket {settings.s3_bucket} can be read by anyone, without a signed link and"
            " after it has expired. Take its public policy away.",
        )


def of_redis(info: Mapping[str, object]) -> Iterator[Finding]:
    """info: the answer to INFO, which managed servers give where they refuse CONFIG GET."""
    unsafe = partial(Finding, Level.UNSAFE)
    for name in sorted({"redis_version", "maxmemory_policy", "aof_enabled"} - info.keys()):
        yield Finding(Level.UNKNOWN, f"Redis does not say its {name}.")
    version = str(info.get("redis_version", OLDEST_REDIS))
    if int(version.partition(".")[0]) < OLDEST_REDIS:
        yield unsafe(f"Redis {version} is older than {OLDEST_REDIS}. Upgrade it.")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield unsafe(
            f"Redis drops messages when its memory is full (maxmemory-policy {policy}), and their"
            " images stand still until they are sent again. Set maxmemory-policy noeviction."
        )
    if not info.get("aof_enabled", 1):
        yield unsafe(
            "Redis forgets the queue when it restarts (appendonly no), and what was in it stands"
            " still until it is sent again. Set appendonly yes."
        )


def of_postgres(version: int, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """version: the major one. parameters: those of PARAMETERS, `on`, `off` or in between."""
    off = {name for name, value in parameters.items() if value == "off"}
    if version < OLDEST_POSTGRES:
        text = f"Postgres {version} is older than {OLDEST_POSTGRES}. Upgrade it."
        yield Finding(Level.UNSAFE, text)
    if "fsync" in off:
        yield Finding(
            Level.FATAL,
            "Postgres does not write to its disk before it says so (fsync off): one crash of its"
            " machine can take every account, credit and session. Set fsync on.",
        )
    if "synchronous_commit" in off:
        yield Finding(
            Level.UNSAFE,
            "Postgres forgets the last commits when it crashes (synchronous_commit off): batches"
            " that clients were told of, and what they cost. Set synchronous_commit on.",
        )
    if "full_page_writes" in off:
        yield Finding(
            Level.UNSAFE,
            "Postgres cannot mend a page that was half written in a crash (full_page_writes off)."
            " Set full_page_writes on, unless its file system writes pages whole, as ZFS does.",
        )


def of_clock(ahead_seconds: float) -> Iterator[Finding]:
    """ahead_seconds: this machine's clock less Postgres'."""
    if abs(ahead_seconds) > MOST_SKEW_SECONDS:
        way = "ahead of" if ahead_seconds > 0 else "behind"
        yield Finding(
            Level.UNSAFE,
            f"The clock of this machine is {abs(ahead_seconds):.0f} s {way} Postgres': signed links"
            " end too early or too late, or are refused. Keep both by NTP.",
        )
