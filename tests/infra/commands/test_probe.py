"""`fluximage probe`: healthy means that a process works now, and not only that it exists."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra.embedded.stack import temporary
from infra.processes import IO, PERIODIC, Process
from shared import heartbeat, private_folder
from shared.private_folder import RUN_DIR
from shared.services import Services
from tests.infra.commands.conftest import RunHere
from tests.support.processes import eventually, naming

START_SECONDS = 60


@pytest.fixture
def own_tmpdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TMPDIR without the processes of other tests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def started(
    process: Process, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    env = os.environ | dict(environment) | {RUN_DIR: str(private_folder.run_folder())}
    command = (sys.executable, "-m", *process.arguments)
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


def test_a_worker_and_the_periodic_process_are_healthy_until_they_are_gone(
    unit_services: Services,
    unit_environment: Mapping[str, str],
    own_tmpdir: Path,
    run_here: RunHere,
) -> None:
    assert own_tmpdir.exists()
    assert unit_services.settings.s3_bucket  # its bucket is there
    with ExitStack() as ends:
        for process in (IO, PERIODIC):
            ends.enter_context(started(process, unit_environment))
        assert eventually(lambda: len([*heartbeat.running()]) == 2, START_SECONDS)
        assert run_here("probe", "worker").returncode == 1  # there is none
        assert run_here("probe").stdout == "Healthy: io, periodic\n"
    gone = run_here("probe", "io")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr == "fluximage: No io process of this user has given a sign of life.\n"


@pytest.mark.full
def test_a_worker_whose_broker_hangs_gives_no_sign_of_life(own_tmpdir: Path) -> None:
    assert own_tmpdir.exists()
    with temporary(("REDIS_URL", "S3_ENDPOINT", "DATABASE_URL")) as stack, ExitStack() as ends:
        ends.enter_context(started(IO, stack.environment))
        assert eventually(lambda: [*heartbeat.running()], START_SECONDS)
        (broker,) = [
            pid for pid in stack.supervisor.pids.values() if pid in naming("valkey-server")
        ]
        os.kill(broker, signal.SIGSTOP)
        ends.callback(os.kill, broker, signal.SIGCONT)
        time.sleep(8)  # the worker notices after the time limit of its socket, which is 5 s
        (before,) = heartbeat.running()
        time.sleep(5)  # more than twice the time between two signs of life
        (after,) = heartbeat.running()
        assert after.late_seconds - before.late_seconds > 4


def test_a_process_whose_sign_of_life_is_overdue_is_not_healthy(
    own_tmpdir: Path, run_here: RunHere
) -> None:
    assert own_tmpdir.exists()
    heartbeat.beat("images", -7)
    for arguments in ([], ["worker"]):
        late = run_here("probe", *arguments)
        assert late.returncode == 1
        assert f"worker (process {os.getpid()}): its sign of life is 7 s overdue." in late.stdout


def test_one_process_that_hangs_is_not_hidden_by_another_that_works(
    own_tmpdir: Path, run_here: RunHere
) -> None:
    heartbeat.beat("images", 60)
    (file,) = own_tmpdir.glob("fluximage-run-*/heartbeats/*")
    file.with_name(f"images.{os.getppid()}").touch()  # the test's own parent stands for another
    assert run_here("probe", "worker").returncode == 1


def test_a_process_that_can_do_no_work_is_not_healthy_and_says_why(
    own_tmpdir: Path, run_here: RunHere
) -> None:
    assert own_tmpdir.exists()
    heartbeat.beat("images", 60, "it is tired")
    ill = run_here("probe", "worker")
    said = f"worker (process {os.getpid()}): it is tired.\n"
    assert (ill.returncode, ill.stdout) == (1, said)
    heartbeat.beat("images", 60)
    assert run_here("probe", "worker").returncode == 0


def test_the_processes_of_a_service_with_a_data_directory_are_found_in_it(
    own_tmpdir: Path, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        there.setenv(RUN_DIR, str(own_tmpdir / "data" / "run"))
        (own_tmpdir / "data").mkdir()
        heartbeat.beat("images", 60)
    assert run_here("probe", "worker").returncode == 1
    assert run_here("probe", "worker", "--data-dir", own_tmpdir / "data").returncode == 0


def test_a_folder_of_signs_that_is_a_link_is_not_used(
    own_tmpdir: Path, tmp_path_factory: pytest.TempPathFactory, run_here: RunHere
) -> None:
    assert own_tmpdir.exists()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    theirs = elsewhere / f"images.{2**22 + 1}"  # no process can have this number
    theirs.touch()
    (private_folder.run_folder() / "heartbeats").symlink_to(elsewhere)
    heartbeat.beat("images", 60)
    refused = run_here("probe", "worker")
    assert refused.returncode == 1
    assert refused.stderr.startswith("fluximage: The signs of life cannot be read: ")
    assert list(elsewhere.iterdir()) == [theirs]


def test_a_probe_imports_none_of_the_service() -> None:
    heavy = {"celery", "kombu", "psycopg", "redis", "minio", "flask", "pydantic"}
    code = "import sys, infra.commands.main, infra.commands.probe; print(*sys.modules)"
    command = (sys.executable, "-c", code)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
