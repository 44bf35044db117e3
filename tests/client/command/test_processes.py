"""The command in a pipe, in a script, killed, and where the disk is full."""

import json
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.client.command.conftest import Fx, argv, environment, process, used
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import png
from tests.support.paths import ROOT
from tests.support.processes import eventually

COUNT = 24  # images in `folder`
SCHEMA = json.loads((ROOT / "docs/command-line.schema.json").read_text())


def webps() -> int:
    return len(list(Path("web").rglob("*.webp")))


def _some_more_than(before: int) -> None:
    assert eventually(lambda: webps() > before)


def test_a_run_that_is_killed_goes_on_and_every_image_is_paid_once(
    fx: Fx, account: Client, folder: Path
) -> None:
    for _ in range(2):
        running = process("compress", folder, "--out", "web", "--max-width", "8")
        _some_more_than(webps())
        running.kill()
        running.communicate()
    assert fx("compress", folder, "--out", "web", "--max-width", "8").returncode == 0
    assert (webps(), used(account)) == (COUNT, COUNT)
    assert not list(Path("web").rglob("*part"))


def test_over_a_line_that_breaks_every_image_arrives_and_is_paid_once(
    fx: Fx, account: Client, line: Line, folder: Path
) -> None:
    line.lose_answers = 2
    done = fx("compress", folder, "--out", "web", "--url", line.url)
    assert done.returncode == 0, done.stderr
    assert line.cuts == 2
    assert (webps(), used(account)) == (COUNT, COUNT)


def test_each_line_of_json_is_as_the_schema_says_and_nothing_else_is_told(
    fx: Fx, account: Client, folder: Path
) -> None:
    assert account.key
    (folder / "notes.png").write_text("no image")
    check = Draft202012Validator(SCHEMA)
    lines = []
    for _ in range(2):  # the second run skips what is done
        told = fx("compress", folder, "--out", "web", "--json").stdout
        lines = [json.loads(line) for line in told.splitlines()]
        for line in lines:
            check.validate(line)
        assert [one["type"] for one in lines] == ["image"] * (COUNT + 1) + ["summary"]
    assert {one["status"] for one in lines[:-1]} == {"skipped", "failed"}
    assert (lines[-1]["skipped"], lines[-1]["exit_status"]) == (COUNT, 3)
    said = json.loads(fx("compress", folder, "--out", "web", "--json", "--dry-run").stdout)
    check.validate(said)
    assert (said["type"], said["images"]) == ("plan", 1)


def test_quiet_tells_failures_alone(fx: Fx, account: Client, here: Path) -> None:
    assert account.key
    (here / "a.png").write_bytes(png())
    (here / "b.png").write_text("no image")
    told = fx("compress", "a.png", "b.png", "--out", "web", "--quiet")
    assert (told.returncode, told.stdout) == (3, "")
    assert told.stderr == "fluximage: b.png is not an image this service reads\n"


def test_one_image_goes_from_standard_input_to_standard_output(account: Client) -> None:
    assert account.key
    command = argv("compress", "-", "--format", "avif", "--quiet")
    done = subprocess.run(command, input=png(), capture_output=True, env=environment(), check=True)
    assert done.stdout[4:12] == b"ftypavif"
    assert done.stderr == b""
    failed = subprocess.run(command, input=b"text", capture_output=True, env=environment())
    assert (failed.returncode, failed.stdout) == (3, b"")
    assert failed.stderr == b"fluximage: Standard input is not an image this service reads\n"


def test_a_reader_that_goes_away_ends_it_without_a_traceback(account: Client, folder: Path) -> None:
    running = process("compress", folder, "--out", "web")
    with running:
        assert running.stdout
        running.stdout.close()
        assert running.stderr
        assert running.stderr.read() == ""
    assert running.returncode == 1
    assert account.key


def test_a_full_disk_ends_it_in_a_sentence_and_with_room_it_goes_on(
    fx: Fx, account: Client, here: Path
) -> None:
    def small_files() -> None:  # as EFBIG, so that no disk has to be filled
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    noise = here / "photos/noise.png"
    noise.parent.mkdir()
    noise.write_bytes((ROOT / "tests/samples/coffee.png").read_bytes())
    command = argv("compress", "photos", "--out", "web", "--format", "png")
    full = subprocess.run(
        command, capture_output=True, text=True, env=environment(), preexec_fn=small_files
    )
    assert full.returncode == 1
    assert "web cannot be written to: File too large" in full.stderr
    assert "Traceback" not in full.stderr
    assert [path.name for path in Path("web").iterdir() if "part" in path.name] == []
    assert fx("compress", "photos", "--out", "web", "--format", "png").returncode == 0
    assert used(account) == 1


def test_a_second_interrupt_ends_it_at_once(account: Client, line: Line, here: Path) -> None:
    assert account.key
    (here / "a.png").write_bytes(png())
    line.blocked = b"POST"
    running = process("compress", "a.png", "--url", line.url)
    assert eventually(lambda: line.cuts)
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 130
    running.communicate()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_it_and_what_is_done_is_kept(
    name: str, account: Client, line: Line, here: Path
) -> None:
    assert account.key
    (here / "a.png").write_bytes(png())
    line.blocked = b"POST"
    running = process("compress", "a.png", "--url", line.url)
    assert eventually(lambda: line.cuts)
    running.send_signal(signal.Signals[name])
    _, told = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "Stopped after 0 of 1 image" in told
