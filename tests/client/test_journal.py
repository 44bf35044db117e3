"""The journal: a client that is killed at any point goes on, and nothing is paid twice."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fluximage
from fluximage import Done, Journal, Source
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import png
from tests.support.paths import ROOT


def start(client: Client, url: str, folder: Path, die_after: int = 0) -> subprocess.Popen[str]:
    """A process that compresses the folder, with a journal beside it."""
    arguments = (url, str(folder.parent / "journal.sqlite"), str(folder), str(die_after))
    return subprocess.Popen(
        (sys.executable, "-m", "tests.client.compressing_child", *arguments),
        cwd=ROOT,
        env=os.environ
        | {
            "FLUXIMAGE_API_KEY": client.key,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'infra/client'}",
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> list[str]:
    """The names that it yielded; it ended well."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return sorted(line.split()[0] for line in out.splitlines())


def killed(process: subprocess.Popen[str]) -> bool:
    """Whether it was killed; waits for its end."""
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def all_names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def used(client: Client) -> int:
    return int(client.call("GET", "/api/usage").json()["compressor_used"])


@pytest.mark.parametrize("point", ["on_post", "on_answer"])
def test_killed_while_it_sends_it_sends_the_same_batch_again(
    client: Client, line: Line, folder: Path, point: str
) -> None:
    processes = [start(client, line.url, folder)]

    def kill() -> None:
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()

    setattr(line, point, kill)
    assert killed(processes[0])
    setattr(line, point, lambda: None)
    assert finished(start(client, line.url, folder)) == all_names(folder)
    assert used(client) == 24


@pytest.mark.parametrize("die_after", [1, 20, 24])
def test_killed_before_the_caller_used_a_result_it_yields_it_again(
    client: Client, folder: Path, die_after: int
) -> None:
    assert killed(start(client, client.url, folder, die_after))
    assert finished(start(client, client.url, folder)) == all_names(folder)
    assert used(client) == 24


@pytest.mark.full
def test_killed_again_and_again_each_image_is_paid_once(client: Client, tmp_path: Path) -> None:
    chance, folder = random.Random(12), tmp_path / "photos"
    folder.mkdir()
    for number in range(800):
        (folder / f"{number:03}.png").write_bytes(png(8 + number % 40, 8 + number // 40))
    kills = 0
    for _ in range(25):
        process = start(client, client.url, folder)
        time.sleep(chance.uniform(0.4, 1.5))
        process.kill()
        kills += killed(process)  # at last all is done, and one may end before it is killed
    assert kills >= 5
    assert finished(start(client, client.url, folder)) == all_names(folder)
    assert used(client) == 800


def test_the_same_call_again_yields_what_is_done_and_pays_nothing(
    flux: fluximage.Client, folder: Path, tmp_path: Path
) -> None:
    with Journal(tmp_path / "j") as journal:
        first = list(flux.compress(folder, journal=journal))
        second = list(flux.compress(folder, journal=journal))
    key = lambda result: result.source.name  # noqa: E731 - twice in the next line
    assert sorted(first, key=key) == sorted(second, key=key)
    assert flux.usage().compressor_used == 24


def test_other_options_are_another_call(flux: fluximage.Client, tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        for width in (4, 5):
            (result,) = flux.compress(Source(png(), "a.png"), journal=journal, max_width=width)
            assert isinstance(result, Done)
            assert result.image.width == width


def test_a_changed_file_is_sent_anew(flux: fluximage.Client, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    with Journal(tmp_path / "j") as journal:
        for width in (8, 9):
            picture.write_bytes(png(width))
            (result,) = flux.compress(picture, journal=journal, format="png")
            assert isinstance(result, Done)
            assert result.image.width == width


def test_a_failure_is_not_replayed(flux: fluximage.Client, tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        for _ in range(2):
            list(flux.compress(Source(b"text", "a.png"), session_id="s", journal=journal))
    assert len({error.batch_id for error in flux.session("s").errors}) == 2


def test_of_a_batch_half_used_only_what_is_asked_for_is_yielded(
    client: Client, flux: fluximage.Client, folder: Path
) -> None:
    assert killed(start(client, client.url, folder / "hüte", 5))
    asked = [folder / "hüte" / "03.png", folder / "hüte" / "07.png"]
    with Journal(folder / "journal.sqlite") as journal:
        results = list(flux.compress(asked, journal=journal))
    assert sorted(result.source.name for result in results) == ["03.png", "07.png"]
    assert used(client) == 8


def test_the_tables_may_be_in_a_database_of_the_caller(
    flux: fluximage.Client, tmp_path: Path
) -> None:
    database = sqlite3.connect(tmp_path / "ledger")
    database.execute("CREATE TABLE mine (a)")
    with Journal(database) as journal:
        list(flux.compress(Source(png(), "a.png"), journal=journal))
    assert database.execute("SELECT count(*) FROM fluximage_done").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM fluximage_batches").fetchone() == (0,)
    database.close()


def test_two_calls_with_one_journal_at_once_are_refused(
    flux: fluximage.Client, folder: Path, tmp_path: Path
) -> None:
    with Journal(tmp_path / "j") as first, Journal(tmp_path / "j") as second:
        results = flux.compress(folder, journal=first)
        next(results)
        for journal in (first, second):
            with pytest.raises(fluximage.JournalInUse, match="journal j;"):
                next(flux.compress(folder, journal=journal))
        assert len(list(results)) == 23
        assert len(list(flux.compress(folder, journal=second))) == 24
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["j"]


def test_the_lock_of_a_journal_ends_with_its_process(
    client: Client, flux: fluximage.Client, folder: Path
) -> None:
    assert killed(start(client, client.url, folder, 1))
    path = folder.parent / "journal.sqlite"
    assert path.with_name("journal.sqlite.lock").exists()
    with Journal(path) as journal:
        assert len(list(flux.compress(folder, journal=journal))) == 24
