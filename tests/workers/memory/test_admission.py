"""Memory admission, between processes that really hold memory and really die."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from shared.errors import AdmissionClosedError, MemoryTakenError, TooMuchWorkError
from shared.private_folder import RUN_DIR
from tests.support.processes import eventually
from workers.memory.admission import MemoryAdmission, of_machine

CAPACITY = 100

HOLD = """
import subprocess, sys
from pathlib import Path
from workers.memory.admission import MemoryAdmission
folder, needed, child = sys.argv[1:]
with MemoryAdmission(100, Path(folder)).admit(int(needed), 10):
    if child:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(10)"], close_fds=False)
    print("in", flush=True)
    sys.stdin.read()
"""
TAKE_TURNS = """
import os, random, sys, time
from pathlib import Path
from workers.memory.admission import MemoryAdmission
folder, journal, seed = sys.argv[1:]
chance = random.Random(int(seed))
log = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for _ in range(8):
    needed = chance.choice([10, 20, 50, 70])
    with MemoryAdmission(100, Path(folder)).admit(needed, 60):
        os.write(log, b"%d\\n" % needed)
        time.sleep(chance.random() / 50)
        os.write(log, b"%d\\n" % -needed)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tickets"


@pytest.fixture
def admission(folder: Path) -> MemoryAdmission:
    return MemoryAdmission(CAPACITY, folder)


@pytest.fixture
def hold(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a process that is in with so much of the memory."""
    with ExitStack() as undo:

        def start(needed: int, child: str = "") -> "subprocess.Popen[bytes]":
            argv = (sys.executable, "-c", HOLD, str(folder), str(needed), child)
            holder = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            undo.enter_context(holder)
            undo.callback(kill_all, holder)
            assert holder.stdout
            assert holder.stdout.readline() == b"in\n"
            return holder

        yield start


def kill_all(holder: "subprocess.Popen[bytes]") -> None:
    """The holder and what it started, which are a group of their own."""
    os.killpg(holder.pid, signal.SIGKILL)


def test_images_go_in_side_by_side_while_they_fit(admission: MemoryAdmission) -> None:
    with admission.admit(60, 0), admission.admit(40, 0):
        pass


def test_an_image_waits_for_what_another_process_holds(
    admission: MemoryAdmission, hold: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    hold(60)
    with pytest.raises(MemoryTakenError), admission.admit(41, 0.2):
        pass


def test_a_kill_9_of_a_holder_gives_its_memory_back(
    admission: MemoryAdmission, hold: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    hold(60).kill()
    with admission.admit(100, 5):
        pass


def test_a_program_that_a_killed_holder_has_started_holds_nothing(
    admission: MemoryAdmission, hold: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    hold(60, child="and a child").kill()
    with admission.admit(100, 5):
        pass


def test_the_ticket_of_a_killed_holder_is_cleared_away(
    admission: MemoryAdmission, folder: Path, hold: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    hold(60).kill()
    with admission.admit(100, 5):
        assert len(list(folder.iterdir())) == 1


def test_nothing_is_left_of_an_image_that_did_not_get_in(
    admission: MemoryAdmission, folder: Path
) -> None:
    with admission.admit(60, 0):
        with pytest.raises(MemoryTakenError), admission.admit(60, 0):
            pass
        assert len(list(folder.iterdir())) == 1


def test_processes_never_hold_more_than_there_is(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    argv = (sys.executable, "-c", TAKE_TURNS, str(folder), str(journal))
    processes = [subprocess.Popen((*argv, str(seed))) for seed in range(5)]
    assert [process.wait(60) for process in processes] == [0] * 5
    held, most = 0, 0
    for line in journal.read_text().split():
        held += int(line)
        most = max(most, held)
    assert held == 0
    assert 50 < most <= CAPACITY


def test_tickets_are_made_one_at_a_time(admission: MemoryAdmission, folder: Path) -> None:
    folder.mkdir()
    door = os.open(folder, os.O_RDONLY)
    fcntl.flock(door, fcntl.LOCK_EX)
    with ExitStack() as undo:
        undo.callback(os.close, door)
        inside = threading.Thread(target=lambda: undo.enter_context(admission.admit(1, 0)))
        inside.start()
        inside.join(0.2)
        assert not list(folder.iterdir())
        fcntl.flock(door, fcntl.LOCK_UN)
        inside.join(5)
        assert len(list(folder.iterdir())) == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks through /proc")
def test_who_has_left_keeps_no_file_open(admission: MemoryAdmission) -> None:
    before = os.listdir("/proc/self/fd")
    with admission.admit(1, 0):
        pass
    assert os.listdir("/proc/self/fd") == before


def waiting(
    admission: MemoryAdmission, folder: Path, needed: int, undo: ExitStack
) -> threading.Event:
    """Someone who waits in a thread; the event is set once they are in."""
    inside, leave, before = threading.Event(), threading.Event(), len(list(folder.iterdir()))

    def wait() -> None:
        with admission.admit(needed, 10):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    undo.callback(thread.join)
    undo.callback(leave.set)
    assert eventually(lambda: len(list(folder.iterdir())) > before)
    return inside


def test_a_small_image_goes_in_while_large_ones_try(admission: MemoryAdmission) -> None:
    ended, refused = threading.Event(), 0

    def try_again() -> None:
        nonlocal refused
        while not ended.is_set():
            with suppress(MemoryTakenError), admission.admit(80):
                raise AssertionError
            refused += 1

    with admission.admit(60), ExitStack() as undo:
        tries = threading.Thread(target=try_again)
        tries.start()
        undo.callback(tries.join)
        undo.callback(ended.set)
        for _ in range(100):
            with admission.admit(20):
                pass
        assert eventually(lambda: refused > 0)


def test_an_image_that_needs_more_than_the_machine_has_is_refused(folder: Path) -> None:
    admission = MemoryAdmission(CAPACITY, folder, most_bytes=150)
    with admission.admit(150):
        pass
    with pytest.raises(TooMuchWorkError), admission.admit(151):
        pass


def test_a_small_image_overtakes_one_in_line_if_it_fits_beside_it_too(
    admission: MemoryAdmission, folder: Path
) -> None:
    with ExitStack() as undo:
        with admission.admit(60):
            inside = waiting(admission, folder, 80, undo)
            undo.enter_context(admission.admit(15))
            with pytest.raises(MemoryTakenError), admission.admit(6):  # 15 + 80 + 6: too many
                pass
        assert inside.wait(5)  # though the small one is still in


def test_an_image_that_would_delay_one_in_line_waits_behind_it(
    admission: MemoryAdmission, folder: Path
) -> None:
    with ExitStack() as undo:
        with ExitStack() as leaves:
            with admission.admit(60):
                first = waiting(admission, folder, 80, leaves)
                second = waiting(admission, folder, 30, undo)
                assert not second.wait(0.2)  # although there are 40 free
            assert first.wait(5)
            assert not second.wait(0.2)
        assert second.wait(5)


def test_a_large_image_goes_in_when_those_before_it_have_left(
    admission: MemoryAdmission, folder: Path
) -> None:
    with ExitStack() as undo:
        with admission.admit(60, 0):
            inside = waiting(admission, folder, 80, undo)
            assert not inside.wait(0.2)
        assert inside.wait(5)


def test_a_small_image_goes_in_beside_a_large_one_that_is_in(admission: MemoryAdmission) -> None:
    with admission.admit(80, 0), admission.admit(20, 0):
        pass


def test_an_image_that_needs_more_than_there_is_goes_in_alone(admission: MemoryAdmission) -> None:
    with admission.admit(1000, 0), pytest.raises(MemoryTakenError), admission.admit(1, 0.2):
        pass


def test_an_image_that_needs_more_than_there_is_waits_for_all_before_it(
    admission: MemoryAdmission,
) -> None:
    with admission.admit(1, 0), pytest.raises(MemoryTakenError), admission.admit(1000, 0.2):
        pass


def test_the_folder_is_closed_to_others(admission: MemoryAdmission, folder: Path) -> None:
    with admission.admit(1, 0):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_another_user_is_not_used(
    admission: MemoryAdmission, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(AdmissionClosedError), admission.admit(1, 0):
        pass


def test_a_check_says_why_no_image_can_be_admitted(
    admission: MemoryAdmission, folder: Path
) -> None:
    admission.check()
    folder.chmod(0o777)
    with pytest.raises(AdmissionClosedError, match="other users may change it"):
        admission.check()


def test_a_link_to_another_folder_is_not_followed(
    admission: MemoryAdmission, folder: Path, tmp_path: Path
) -> None:
    folder.symlink_to(tmp_path)
    with pytest.raises(AdmissionClosedError), admission.admit(1, 0):
        pass


def test_all_admissions_of_a_user_on_this_machine_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN_DIR, str(tmp_path))
    taken = pytest.raises(MemoryTakenError)
    with of_machine(1).admit(600_000, 0), taken, of_machine(1).admit(400_001, 0):
        pass


def test_without_a_setting_most_of_the_machine_is_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN_DIR, str(tmp_path))
    monkeypatch.setattr("workers.memory.admission._machine_bytes", lambda _: 1000)
    admission, taken = of_machine(None), pytest.raises(MemoryTakenError)
    with admission.admit(1, 0), admission.admit(599, 0), taken, admission.admit(1, 0):
        pass
