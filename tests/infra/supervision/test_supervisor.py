"""The supervisor, over real processes."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.supervision import supervisor as module
from infra.supervision.child import Child
from infra.supervision.supervisor import Supervisor
from shared import supervised
from shared.errors import OperatorError
from tests.support.processes import alive, descendants, eventually, naming

ENV = {"PATH": os.environ["PATH"]}
TELL_READY = f"echo > /proc/self/fd/${supervised.READY_DESCRIPTOR}"
# A leader with a grandchild that ignores every signal.
FAMILY = "trap '' HUP INT QUIT TERM; sleep 60 & trap 'exit 0' TERM; while :; do sleep 0.02; done"
TREE = """
import os, sys
from infra.supervision.child import Child
from infra.supervision.supervisor import Supervisor
with Supervisor(foreground=True) as supervisor:
    for i in (1, 2):
        supervisor.start(Child(f"c{i}", ("sh", "-c", sys.argv[1]), os.environ, grace_seconds=60))
    print("up", flush=True)
    supervisor.run()
"""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as one:
        yield one


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[str]]:
    argv = (sys.executable, "-c", TREE, FAMILY)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert eventually(lambda: len(descendants(process.pid)) >= 5)
        yield process
        process.kill()


def sleeper(name: str = "sleeper", **more: object) -> Child:
    return Child(name, ("sleep", "60"), ENV, **more)  # type: ignore[arg-type]  # only passed on


def test_each_child_leads_a_session_of_its_own(supervisor: Supervisor) -> None:
    supervisor.start(sleeper())
    pid = supervisor.pids["sleeper"]
    assert os.getsid(pid) == os.getpgid(pid) == pid


def test_a_killed_child_is_started_again(supervisor: Supervisor) -> None:
    supervisor.start(sleeper())
    former = supervisor.pids["sleeper"]
    os.kill(former, signal.SIGKILL)

    def is_restarted() -> bool:
        supervisor.restart_ended()
        return supervisor.pids.get("sleeper", former) != former

    assert eventually(is_restarted)


@pytest.mark.parametrize("tells_ready", [False, True])
def test_a_child_that_never_came_up_ends_the_run_and_its_log_is_quoted(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, tells_ready: bool
) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0.01,) * 4)
    argv, log = ("sh", "-c", "echo No such module; exit 7"), tmp_path / "log"
    supervisor.start(Child("broken", argv, ENV, log=log, tells_ready=tells_ready))
    with pytest.raises(OperatorError) as ended:
        supervisor.run()
    assert ended.value.message.startswith("broken did not start in 5 attempts (exit code 7)")
    assert ended.value.message.endswith("\n  No such module")


def test_a_child_that_has_once_served_is_started_again_for_ever(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0.01,) * 4)
    runs = tmp_path / "runs"
    first = f"[ -e {runs} ] || {TELL_READY}"
    argv = ("sh", "-c", f"{first}; echo >> {runs}; kill -9 $$")
    supervisor.start(Child("unlucky", argv, ENV, tells_ready=True))
    often = 3 * module.FAILED_STARTS_LIMIT
    assert supervisor.run(lambda: runs.exists() and runs.stat().st_size > often, every=0.01)


def test_a_child_that_does_not_serve_is_named_in_a_file_until_it_does(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.unready_file = unready = tmp_path / "unready"
    go = tmp_path / "go"
    script = f"until [ -e {go} ]; do sleep 0.02; done; {TELL_READY}; exec sleep 60"
    supervisor.start(Child("slow", ("sh", "-c", script), ENV, tells_ready=True))
    supervisor.start(sleeper())

    def names(expected: str) -> bool:
        return supervisor.run(lambda: unready.exists() and unready.read_text() == expected, 0.02)

    assert names("slow")
    go.touch()
    assert names("")
    go.unlink()
    os.kill(supervisor.pids["slow"], signal.SIGKILL)
    assert names("slow")
    go.touch()
    assert names("")


def test_a_restart_waits_longer_each_time(supervisor: Supervisor) -> None:
    supervisor.start(Child("broken", ("sh", "-c", "exit 7"), ENV))
    delays = []
    for _ in range(2):
        assert eventually(lambda: 0.1 < supervisor.restart_ended() < math.inf)
        delays.append(supervisor.restart_ended())
        time.sleep(delays[-1])
    assert delays[1] > delays[0] * 1.5


def test_a_missing_program_is_reported_in_one_sentence(supervisor: Supervisor) -> None:
    with pytest.raises(OperatorError, match=r"^ghost cannot be started: No such file"):
        supervisor.start(Child("ghost", ("/no/such/program",), ENV))


def test_a_higher_stop_priority_ends_before_a_lower_one(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    ended = tmp_path / "ended"
    script = (
        f"trap 'sleep 0.2; echo $0 >> {ended}; exit' TERM; echo up; while :; do sleep 0.02; done"
    )
    for name, order in (("server", 0), ("user", 1)):
        log = tmp_path / name
        supervisor.start(Child(name, ("sh", "-c", script, name), ENV, stop_priority=order, log=log))
        assert eventually(lambda log=log: log.read_text() == "up\n")  # type: ignore[misc]  # mypy: no default
    supervisor.stop()
    assert ended.read_text().split() == ["user", "server"]


def test_a_child_that_ignores_every_signal_is_killed_after_its_grace(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "QUIT_GRACE_SECONDS", 0.2)
    script, log = "trap '' TERM QUIT; echo up; while :; do sleep 0.02; done", tmp_path / "log"
    supervisor.start(Child("deaf", ("sh", "-c", script), ENV, grace_seconds=0.2, log=log))
    assert eventually(lambda: log.read_text() == "up\n")
    pid, began = supervisor.pids["deaf"], time.monotonic()
    supervisor.stop()
    assert 0.4 <= time.monotonic() - began < 5
    assert not alive({pid})


def test_a_stop_ends_grandchildren_too(supervisor: Supervisor) -> None:
    supervisor.start(Child("family", ("sh", "-c", FAMILY), ENV))
    assert eventually(lambda: len(descendants(supervisor.pids["family"])) >= 1)
    family = descendants(supervisor.pids["family"])
    supervisor.stop()
    assert eventually(lambda: not alive(family), 2)


def test_a_signal_that_ends_us_ends_the_whole_tree(tree: "subprocess.Popen[str]") -> None:
    family = descendants(tree.pid)
    tree.send_signal(signal.SIGTERM)
    assert tree.wait(10) == 0
    assert eventually(lambda: not alive(family), 2)


def test_kill_9_of_the_supervisor_leaves_no_process(tree: "subprocess.Popen[str]") -> None:
    family = descendants(tree.pid)
    os.kill(tree.pid, signal.SIGKILL)
    assert eventually(lambda: not alive(family), 10)


@pytest.mark.full
def test_a_guardian_that_was_killed_is_replaced_by_one_that_knows_every_child(
    tree: "subprocess.Popen[str]",
) -> None:
    def guardians() -> set[int]:
        return descendants(tree.pid) & set(naming("guardian.py"))

    (former,) = guardians()
    os.kill(former, signal.SIGKILL)
    assert eventually(lambda: len(guardians() - {former}) == 1)
    family = descendants(tree.pid)
    time.sleep(0.2)  # until it has read their process ids
    os.kill(tree.pid, signal.SIGKILL)
    assert eventually(lambda: not alive(family), 10)


@pytest.mark.parametrize("ignored", ["", "QUIT"])  # as after `&` in a script
def test_a_second_interrupt_ends_children_sooner(tmp_path: Path, ignored: str) -> None:
    up, asked = tmp_path / "up.$$", tmp_path / "asked.$$"
    deaf = f"trap 'echo > {asked}' TERM; echo > {up}; while :; do sleep 0.02; done"
    start = f"trap '' {ignored}; exec \"$@\"" if ignored else 'exec "$@"'
    argv = ("sh", "-c", start, "sh", sys.executable, "-c", TREE, deaf)  # its grace is a minute
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert eventually(lambda: len(list(tmp_path.glob("up.*"))) == 2)
        process.send_signal(signal.SIGINT)
        assert eventually(lambda: len(list(tmp_path.glob("asked.*"))) == 2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_after_a_second_interrupt_a_child_that_is_deaf_to_it_is_killed_soon(
    tmp_path: Path,
) -> None:
    deaf = f"trap '' TERM QUIT; echo > {tmp_path}/up.$$; while :; do sleep 0.02; done"
    argv = (sys.executable, "-c", TREE, deaf)  # its grace is a minute
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert eventually(lambda: len(list(tmp_path.glob("up.*"))) == 2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two signals at once may count as one
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_an_idle_supervisor_uses_no_processor_time(tree: "subprocess.Popen[str]") -> None:
    def used() -> int:
        fields = Path(f"/proc/{tree.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = used()
    time.sleep(1)
    assert used() - before <= 1  # hundredths of a second
