"""`fluximage up` and the operator's commands, as an operator runs them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pexpect  # type: ignore[import-untyped]  # it ships no types
import pytest

from infra.commands.up import listening
from infra.embedded import remove
from infra.embedded.network import free_port
from tests.infra.commands.conftest import OURS, RunHere
from tests.support.paths import ROOT
from tests.support.processes import alive, command_lines, descendants, eventually

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="looks at processes through /proc"
)
SAMPLE = ROOT / "tests/samples/coffee.png"
START_SECONDS = 60
NOT_READY = {"error": "Not ready: worker down", "code": "unavailable", "down": ["worker"]}
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    argv = (sys.executable, "-m", "infra.commands.main", *map(str, arguments))
    env = ENVIRONMENT | environment
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


class Service:
    """One `fluximage up` in a process of its own."""

    def __init__(self, data_dir: Path, undo: ExitStack, *arguments: object) -> None:
        self.data_dir = data_dir
        self.former = self._announced()
        argv = ("up", "--data-dir", data_dir, "--workers", 1, *arguments)
        self.log = undo.enter_context(data_dir.with_suffix(".log").open("w+"))
        self.process = undo.enter_context(
            subprocess.Popen(
                (sys.executable, "-m", "infra.commands.main", *map(str, argv)),
                cwd=ROOT,
                env=ENVIRONMENT,
                stdout=self.log,
                stderr=self.log,
            )
        )
        undo.callback(self.stop)

    def ready(self) -> dict[str, str]:
        path = self.data_dir / "ready.json"
        assert eventually(
            lambda: self._announced() > self.former or self.process.poll() is not None,
            START_SECONDS,
        )
        assert self.process.poll() is None, self.output()
        found: dict[str, str] = json.loads(path.read_text())
        return found

    def _announced(self) -> int:
        """When ready.json was written, perhaps by an earlier start."""
        path = self.data_dir / "ready.json"
        return path.stat().st_mtime_ns if path.exists() else 0

    def output(self) -> str:
        return Path(self.log.name).read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def own_directory() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="fluximage up "))
    parent.chmod(0o755)
    try:
        yield parent / "data"
        remove(parent / "data")
    finally:
        shutil.rmtree(parent)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with own_directory() as path:
        yield path


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with own_directory() as path, ExitStack() as undo:
        one = Service(path, undo, "--port", free_port())
        one.ready()
        yield one


def call(url: str, key: str, data: bytes | None = None, **headers: str) -> tuple[int, Any]:
    request = Request(  # noqa: S310 - our own address
        url, data, {"Authorization": f"Bearer {key}"} | headers
    )
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def usage(service: Service, key: str) -> tuple[int, Any]:
    return call(service.ready()["url"] + "/api/usage", key)


def compress(service: Service) -> bytes:
    """Sends the sample; returns its output."""
    ready, edge = service.ready(), b"edge"
    head = b'Content-Disposition: form-data; name="file"; filename="coffee.png"\r\n\r\n'
    body = b"--" + edge + b"\r\n" + head + SAMPLE.read_bytes() + b"\r\n--" + edge + b"--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=edge"}
    status, answer = call(ready["url"] + "/api/compress", ready["api_key"], body, **kind)
    assert status == 200, answer
    with urlopen(answer["data"][0]["url"], timeout=60) as fetched:  # noqa: S310 - our own address
        return bytes(fetched.read())


def children(service: Service) -> dict[int, str]:
    family = descendants(service.process.pid)
    return {pid: line for pid, line in command_lines().items() if pid in family}


def test_ready_json_is_closed_to_others_and_its_key_is_the_demo_accounts(service: Service) -> None:
    path = service.data_dir / "ready.json"
    assert path.stat().st_mode & 0o777 == 0o600
    status, answer = usage(service, service.ready()["api_key"])
    assert (status, answer["plan"]) == (200, "agency")


def test_an_image_is_processed_and_can_be_downloaded(service: Service) -> None:
    assert compress(service)[8:12] == b"WEBP"


def test_a_log_gets_no_key_but_the_file_that_has_it(service: Service) -> None:
    assert service.ready()["api_key"] not in service.output()
    ready = service.data_dir / "ready.json"
    assert f"{ready}, which you alone can read" in service.output()
    assert ready.stat().st_mode & 0o777 == 0o600


def test_a_log_gets_no_link_that_signs_in(service: Service) -> None:
    assert f"Open it in a browser: {service.ready()['url']}/\n" in service.output()
    assert "#key" not in service.output()


def test_the_embedded_servers_bring_no_warning(service: Service) -> None:
    assert "unsafe" not in service.output()
    assert "unknown" not in service.output()


def test_no_secret_is_in_any_command_line(service: Service) -> None:
    secrets = json.loads((service.data_dir / "secrets.json").read_text())
    lines = "\n".join(children(service).values())
    assert "gunicorn" in lines
    assert not [name for name, secret in secrets.items() if secret in lines]


@pytest.mark.parametrize(
    "mark",
    [
        "--queues images",
        "valkey-server",
        pytest.param("gunicorn", marks=pytest.mark.full),
        pytest.param("rclone", marks=pytest.mark.full),
    ],
)
def test_work_goes_on_after_a_kill_9_of(service: Service, mark: str) -> None:
    pids = {pid for pid, line in children(service).items() if mark in line}
    os.kill(min(pids), signal.SIGKILL)  # the leader; the others are what it forked
    assert eventually(
        lambda: any(mark in line for pid, line in children(service).items() if pid not in pids)
    )
    url = service.ready()["url"] + "/health/ready"

    def serves() -> bool:
        try:
            return call(url, "")[0] == 200
        except OSError:
            return False

    assert eventually(serves, START_SECONDS)  # all parts, workers too
    assert compress(service)[8:12] == b"WEBP"


@pytest.mark.full
def test_a_worker_that_was_killed_is_named_by_the_health_page_until_it_is_back(
    service: Service,
) -> None:
    url = service.ready()["url"] + "/health/ready"
    for _ in range(2):
        pids = {pid for pid, line in children(service).items() if "--queues images" in line}
        os.kill(min(pids), signal.SIGKILL)
        assert eventually(lambda: call(url, "") == (503, NOT_READY), START_SECONDS)
        assert eventually(lambda: call(url, "")[0] == 200, START_SECONDS)
    assert compress(service)[8:12] == b"WEBP"


def test_an_account_is_made_changed_and_listed_while_it_runs(
    service: Service, run_here: RunHere
) -> None:
    there = ("--data-dir", service.data_dir)
    made = run_here("accounts", "create", "ann", "--plan", "starter", "--json", *there)
    key = json.loads(made.stdout)["api_key"]
    assert usage(service, key)[1]["plan"] == "starter"
    changed = run_here("accounts", "set", "ann", "--plan", "pro", "--topup", 5, *there)
    assert changed.returncode == 0
    answer = usage(service, key)[1]
    assert (answer["plan"], answer["ia_topup_credits"]) == ("pro", 5)
    listed = json.loads(run_here("accounts", "list", "--json", *there).stdout)
    assert [(row["name"], row["plan"]) for row in listed] == [("ann", "pro"), ("demo", "agency")]


def test_a_rolled_key_of_the_demo_account_reaches_ready_json(
    service: Service, run_here: RunHere
) -> None:
    former = service.ready()["api_key"]
    rolled = run_here("keys", "roll", "demo", "--json", "--data-dir", service.data_dir)
    key = json.loads(rolled.stdout)["api_key"]
    assert service.ready()["api_key"] == key != former
    assert [usage(service, one)[0] for one in (key, former)] == [200, 401]


def test_a_second_up_on_the_same_directory_is_refused(service: Service) -> None:
    refused = run("up", "--data-dir", service.data_dir)
    assert refused.returncode == 1
    assert f"process {service.process.pid}" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_taken_port_that_was_asked_for_is_reported_in_one_sentence(
    tmp_path: Path, run_here: RunHere
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_here("up", "--port", port, "--data-dir", tmp_path / "data")
    assert refused.returncode == 1
    assert refused.stderr == (
        f"fluximage: fluximage cannot listen on 127.0.0.1:{port} (Address already in use);"
        " choose another --port or --host.\n"
    )
    assert not (tmp_path / "data").exists()


def test_two_starts_at_one_moment_never_take_the_same_port() -> None:
    with listening("127.0.0.1", None) as one, listening("127.0.0.1", None) as other:
        assert one.getsockname() != other.getsockname()  # although nobody listens yet


def test_what_the_processes_log_is_in_the_data_directory_and_not_on_the_terminal(
    service: Service,
) -> None:
    names = {path.name for path in (service.data_dir / "logs").iterdir()}
    assert {"web.log", "worker.log", "io.log", "periodic.log"} <= names
    assert '"level"' in (service.data_dir / "logs/worker.log").read_text()
    assert '"level"' not in service.output()
    assert f"Logs: {service.data_dir}/logs" in service.output()


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("nonsense.invalid", ()),
        ("192.0.2.1", ("--port", 18080)),
        ("::2", ()),
        ("x" * 70, ("--port", 18080)),
    ],
)
def test_an_address_that_is_not_ours_is_reported_in_one_sentence(
    host: str, port: tuple[object, ...], tmp_path: Path, run_here: RunHere
) -> None:
    refused = run_here("up", "--host", host, *port, "--data-dir", tmp_path / "data")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"fluximage: fluximage cannot listen on {host}:")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (2, ("accounts", "create", "ann", "--plan", "gold")),
        (2, ("accounts", "set", "ann")),
        (2, ("up", "--port", "0")),
        (2, ("accounts", "create", "", "--plan", "pro")),
        (2, ("accounts", "create", " ", "--plan", "pro")),
        (2, ("accounts", "create", "a\nb", "--plan", "pro")),
        (2, ("accounts", "create", "a" * 101, "--plan", "pro")),
        (2, ("accounts", "set", "ann", "--topup", 1_000_000_001)),
        (1, ("accounts", "list", "--data-dir", "/no/" + "x" * 300)),
        (1, ("accounts", "list", "--data-dir", "/no/such/directory")),
        (1, ("migrate",)),
    ],
)
def test_misuse_is_2_and_failure_is_1_without_a_traceback(
    code: int, arguments: tuple[object, ...], run_here: RunHere
) -> None:
    failed = run_here(*arguments)
    assert (failed.returncode, failed.stdout) == (code, "")
    assert failed.stderr
    assert "Traceback" not in failed.stderr


def test_an_address_that_is_not_a_database_is_reported_in_one_sentence(
    run_here: RunHere,
) -> None:
    for given in ("nonsense:hush", "postgresql://me:hush@host:port/x"):
        servers = {"REDIS_URL": "redis://x", "S3_ENDPOINT": "http://x"}
        keys = {"S3_ACCESS_KEY": "x", "S3_SECRET_KEY": "x"}
        refused = run_here("migrate", DATABASE_URL=given, **servers, **keys)
        assert refused.returncode == 1
        assert "DATABASE_URL" in refused.stderr
        assert "hush" not in refused.stderr
        assert "Traceback" not in refused.stderr


def test_settings_that_cannot_be_used_end_a_start_before_anything_is_created(
    tmp_path: Path, run_here: RunHere
) -> None:
    faults = {"S3_ENDPOINT": "http://127.0.0.1:9", "FLUXIMAGE_MAX_PIXELS": "abc"}
    refused = run_here("up", "--data-dir", tmp_path / "data", **faults)
    assert (refused.returncode, refused.stdout) == (1, "")
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "FLUXIMAGE_MAX_PIXELS"):
        assert refused.stderr.count(name) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": "postgresql://me:hush@127.0.0.1:9/x"},
        pytest.param({"REDIS_URL": "redis://:hush@127.0.0.1:9"}, marks=pytest.mark.full),
        pytest.param(
            {"S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY": "me", "S3_SECRET_KEY": "hush"},
            marks=pytest.mark.full,
        ),
    ],
    ids=lambda given: next(iter(given)),
)
def test_a_given_server_that_does_not_answer_is_named(
    data_dir: Path, given: dict[str, str], run_here: RunHere
) -> None:
    refused = run_here("up", "--data-dir", data_dir, "--port", free_port(), **given)
    assert refused.returncode == 1
    assert f"The server of {next(iter(given))} cannot be used" in refused.stderr
    assert "hush" not in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.full
def test_a_terminal_gets_a_link_that_signs_in_and_another_when_the_key_was_rolled(
    data_dir: Path,
) -> None:
    up = ("-m", "infra.commands.main", "up", "--data-dir", str(data_dir), "--workers", "1")
    port = ("--port", str(free_port()))
    terminal = pexpect.spawn(sys.executable, [*up, *port], cwd=ROOT, env=ENVIRONMENT)
    try:
        terminal.expect(rb"browser: (http://127\.0\.0\.1:\d+)/#key=(flx_live_[0-9a-f]{40})\r\n", 60)
        url, key = (group.decode() for group in terminal.match.groups())
        assert call(f"{url}/api/keys/roll", key, b"")[0] == 200  # as the page does
        terminal.expect(rb"fluximage keys roll demo --data-dir", 20)
        assert json.loads((data_dir / "ready.json").read_text()) == {"url": url}
        rolled = run("keys", "roll", "demo", "--json", "--data-dir", data_dir)
        key = json.loads(rolled.stdout)["api_key"]
        terminal.expect_exact(f"{url}/#key={key}\r\n", 20)
        assert call(f"{url}/api/account", key)[1]["name"] == "demo"
    finally:
        terminal.sendintr()
        terminal.expect(pexpect.EOF, 60)
        terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.full
def test_a_stop_leaves_no_process_and_the_next_start_knows_the_key(data_dir: Path) -> None:
    keys, port = set(), free_port()
    for number in (signal.SIGINT, signal.SIGTERM):
        with ExitStack() as undo:
            one = Service(data_dir, undo, "--port", port)
            keys.add(one.ready()["api_key"])
            family = descendants(one.process.pid)
            assert one.stop(number) == 0
            assert not (data_dir / "ready.json").exists()
            assert eventually(lambda family=family: not alive(family), 2)  # type: ignore[misc]  # mypy: no default
    assert len(keys) == 1
    listed = run("accounts", "list", "--json", "--data-dir", data_dir)
    assert "demo" in [row["name"] for row in json.loads(listed.stdout)]
