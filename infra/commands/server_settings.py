"""Which settings of the servers are unsafe, and what to do about it.

Only a Postgres without fsync is refused: one crash of its machine can leave files that contradict
each other, and then every account, credit and session is lost. Anything else costs time or the
last seconds of accepted work, and may be intended.
"""

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import psycopg
import redis
import urllib3

from infra.commands.server_checks import connect, reason, use_redis
from shared.clients import tls
from shared.clients.object_store import PROBE_KEY, S3Store
from shared.errors import FluximageError, ObjectMissingError, OperatorError, StoreError
from shared.services import redis_client
from shared.settings import Settings

OLDEST_REDIS, OLDEST_POSTGRES = 7, 15  # the oldest versions that are supported
MAX_SKEW_SECONDS = 5.0
CONNECT_SECONDS = 5
REDIS_KEY = "fluximage:check"
PARAMETERS = ["fsync", "full_page_writes", "synchronous_commit"]


class Level(StrEnum):
    """How bad a finding is; the value is what the operator reads."""

    FAILED = "failed"  # the server, or one thing that the service does with it
    UNKNOWN = "unknown"  # the server does not tell the setting
    UNSAFE = "unsafe"
    FATAL = "refused"  # the service does not start with it


@dataclass(frozen=True)
class Finding:
    """One fault: `text` names the server, what can happen, and what to do."""

    level: Level
    text: str


def findings(settings: Settings) -> list[Finding]:
    """All findings, also of servers that cannot be used. Nothing is left in them."""
    asked: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "Redis": _redis,
        "Postgres": _postgres,
        "The object store": _bucket,
    }
    found: list[Finding] = []
    for server, ask in asked.items():
        try:
            found += ask(settings)
        except (FluximageError, redis.RedisError, psycopg.Error) as error:
            found.append(Finding(Level.FAILED, f"{server} cannot be used: {reason(error)}."))
    return found


def warn(settings: Settings, more: Sequence[Finding] = ()) -> list[Finding]:
    """Print each finding, and those in `more`, on standard error and return them all.

    Raises OperatorError with the text of a fatal one.
    """
    found = [*findings(settings), *more]
    for finding in found:
        if finding.level is not Level.FATAL:
            print(f"fluximage: {finding.level}: {finding.text}", file=sys.stderr)
    for finding in found:
        if finding.level is Level.FATAL:
            raise OperatorError(f"{finding.level}: {finding.text}")
    return found


def _redis(settings: Settings) -> Iterator[Finding]:
    use_redis(settings)
    with redis_client(settings) as client:
        try:
            client.set(REDIS_KEY, "?", ex=1)
        except redis.ResponseError as error:  # a replica, a full memory or disk, a right
            yield Finding(Level.FAILED, f"Redis refuses to write: {reason(error)}.")
        try:
            info = client.info()
        except redis.ResponseError as error:
            text = f"Redis does not tell its settings (INFO): {reason(error)}."
            yield Finding(Level.UNKNOWN, text)
            return
    yield from of_redis(info)


def _postgres(settings: Settings) -> Iterator[Finding]:
    with connect(settings) as connection:
        before = time.time()
        row = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8 AS theirs,"
            " current_setting('transaction_read_only') AS read_only"
        ).fetchone()
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (PARAMETERS,)
        ).fetchall()
        version = connection.info.server_version // 10_000
    if row is None:
        raise LookupError
    yield from of_postgres(version, {one["name"]: one["setting"] for one in rows})
    yield from of_clock((before + time.time()) / 2 - row["theirs"])
    if row["read_only"] == "on":
        yield Finding(
            Level.FAILED,
            "Postgres refuses to write: it is a standby, or set to read only. Name the primary in"
            " DATABASE_URL, or all hosts, separated by commas.",
        )


def _bucket(settings: Settings) -> Iterator[Finding]:
    """Do with an object whatever the service does, and read it without a signature."""
    store = S3Store(settings)
    calls: dict[str, Callable[[], object]] = {
        "list": store.ping,
        "put": lambda: store.put(PROBE_KEY, io.BytesIO(b"?"), 1, "text/plain"),
        "get": lambda: store.get(PROBE_KEY),
    }
    failed: dict[str, list[str]] = {}  # the calls by the reason
    for name, call in calls.items():
        _try(name, call, failed)
    status = _status_for_strangers(settings)
    _try("delete", lambda: store.delete(PROBE_KEY), failed)
    for why, names in failed.items():
        verb = "fails" if len(names) == 1 else "fail"
        listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
        text = f"The object store: {listed} {verb}: {why}."
        yield Finding(Level.FAILED, text)
    if status == 200:
        yield Finding(
            Level.UNSAFE,
            f"The bucket {settings.s3_bucket} can be read by anyone, without a signed link and"
            " after a link has expired. Remove its public policy.",
        )
    if [len(names) for names in failed.values()] != [len(calls) + 1]:  # it answers at all
        yield from _versions(store, settings.s3_bucket)


def _try(name: str, call: Callable[[], object], failed: dict[str, list[str]]) -> None:
    try:
        call()
    except ObjectMissingError:
        pass  # it could not be put; that it can be asked for is seen nevertheless
    except StoreError as error:
        failed.setdefault(reason(error), []).append(name)


def _status_for_strangers(settings: Settings) -> int | None:
    url = f"{settings.s3_endpoint.rstrip('/')}/{settings.s3_bucket}/{PROBE_KEY}"
    context = tls.context(settings.ca_file)
    try:
        with urllib3.PoolManager(
            timeout=CONNECT_SECONDS, retries=False, ssl_context=context
        ) as pool:
            return pool.request("GET", url).status
    except urllib3.exceptions.HTTPError:
        return None  # the calls with a signature say why


def _versions(store: S3Store, bucket: str) -> Iterator[Finding]:
    try:
        if store.is_versioned():
            yield Finding(
                Level.UNSAFE,
                f"The bucket {bucket} keeps every deleted image as an old version, for ever and at"
                " your cost. Suspend its versioning, or add a lifecycle rule that removes"
                " noncurrent versions after a day.",
            )
    except StoreError as error:
        yield Finding(
            Level.UNKNOWN,
            f"Whether the bucket {bucket} keeps deleted images as old versions is not known:"
            f" {reason(error)}. Allow s3:GetBucketVersioning.",
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
