"""Which settings of the servers are unsafe, and what to do about it.

Only a Postgres without fsync is refused: one crash of its machine can leave files that contradict
each other, and then every account, credit and session is lost. Anything else costs time or the
last seconds of accepted work, and may be intended.
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

from infra.commands.server_checks import CONNECT_SECONDS
from shared.clients.object_store import PROBE_KEY, S3Store
from shared.errors import OperatorError, StoreError
from shared.services import redis_client
from shared.settings import Settings

OLDEST_REDIS, OLDEST_POSTGRES = 7, 15  # the oldest versions that are supported
MAX_SKEW_SECONDS = 5.0
PARAMETERS = ["fsync", "full_page_writes", "synchronous_commit"]


class Level(StrEnum):
    """How bad a finding is; the value is what the operator reads."""

    UNKNOWN = "unknown"  # the server does not tell the setting
    UNSAFE = "unsafe"
    FATAL = "refused"  # the service does not start with it


@dataclass(frozen=True)
class Finding:
    """One fault: `text` names the server, what can happen, and what to do."""

    level: Level
    text: str


def findings(settings: Settings) -> list[Finding]:
    """All findings; a server that does not answer is UNKNOWN. The bucket must exist."""
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
            text = (
                f"{server} did not answer, or refused this user: its settings could not be checked."
            )
            found.append(Finding(Level.UNKNOWN, text))
    return found


def warn(settings: Settings) -> list[Finding]:
    """Print each finding on standard error and return them all.

    Raises OperatorError with the text of a fatal one.
    """
    found = findings(settings)
    for finding in found:
        if finding.level is not Level.FATAL:
            print(f"fluximage: {finding.level}: {finding.text}", file=sys.stderr)
    for finding in found:
        if finding.level is Level.FATAL:
            raise OperatorError(f"{finding.level}: {finding.text}")
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
    """Store an object and read it without a signature, as a stranger would."""
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
            " after a link has expired. Remove its public policy.",
        )


def of_redis(info: Mapping[str, object]) -> Iterator[Finding]:
    """info: the answer to INFO, which also managed servers return that refuse CONFIG GET."""
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
            " images wait until they are sent again. Set maxmemory-policy noeviction."
        )
    if not info.get("aof_enabled", 1):
        yield unsafe(
            "Redis loses the queue when it restarts (appendonly no), and the images in it wait"
            " until they are sent again. Set appendonly yes."
        )


def of_postgres(version: int, parameters: Mapping[str, str]) -> Iterator[Finding]:
    """version: the major one. parameters: the values of PARAMETERS, such as `on` or `off`."""
    off = {name for name, value in parameters.items() if value == "off"}
    if version < OLDEST_POSTGRES:
        text = f"Postgres {version} is older than {OLDEST_POSTGRES}. Upgrade it."
        yield Finding(Level.UNSAFE, text)
    if "fsync" in off:
        yield Finding(
            Level.FATAL,
            "Postgres reports a commit before it is on disk (fsync off): one crash of its machine"
            " can destroy every account, credit and session. Set fsync on.",
        )
    if "synchronous_commit" in off:
        yield Finding(
            Level.UNSAFE,
            "Postgres loses the last commits when it crashes (synchronous_commit off): batches that"
            " were accepted, and their charges. Set synchronous_commit on.",
        )
    if "full_page_writes" in off:
        yield Finding(
            Level.UNSAFE,
            "Postgres cannot repair a page that a crash left half written (full_page_writes off)."
            " Set full_page_writes on, unless its file system writes whole pages, as ZFS does.",
        )


def of_clock(ahead_seconds: float) -> Iterator[Finding]:
    """ahead_seconds: this machine's clock minus Postgres' clock."""
    if abs(ahead_seconds) > MAX_SKEW_SECONDS:
        relation = "ahead of" if ahead_seconds > 0 else "behind"
        yield Finding(
            Level.UNSAFE,
            f"The clock of this machine is {abs(ahead_seconds):.0f} s {relation} Postgres': signed"
            " links end too early or too late, or are refused. Synchronise both by NTP.",
        )
