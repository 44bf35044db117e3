"""`fluximage clear`: it deletes a trial, and nothing that is not ours."""

import os
from io import StringIO
from pathlib import Path

import pytest

from infra.embedded.data_dir import DataDir
from tests.infra.commands.conftest import RunHere


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory, as a start that has ended leaves it."""
    path = tmp_path / "data"
    directory = DataDir(path)
    directory.secrets()
    (directory.folder("objects") / "photo").write_bytes(b"x")
    return path


def test_the_whole_directory_is_deleted(data_dir: Path, run_here: RunHere) -> None:
    assert run_here("clear", "--yes", "--data-dir", data_dir).returncode == 0
    assert not data_dir.exists()


@pytest.mark.parametrize("answer", ["", "n\n"])  # "": nobody is there to answer
def test_without_a_yes_nothing_is_deleted(
    answer: str, data_dir: Path, run_here: RunHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(answer))
    refused = run_here("clear", "--data-dir", data_dir)
    assert refused.returncode == 1
    assert (data_dir / "objects/photo").exists()


def test_a_directory_in_use_is_refused(data_dir: Path, run_here: RunHere) -> None:
    lock = DataDir(data_dir).lock()
    refused = run_here("clear", "--yes", "--data-dir", data_dir)
    os.close(lock)
    assert refused.returncode == 1
    assert "stop it first" in refused.stderr
    assert (data_dir / "objects/photo").exists()


def test_files_of_others_stay_and_are_named(data_dir: Path, run_here: RunHere) -> None:
    (data_dir / "thesis.txt").write_text("mine")
    told = run_here("clear", "--yes", "--data-dir", data_dir)
    assert "thesis.txt" in told.stdout
    assert [path.name for path in data_dir.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("mark", [None, "somebody else's"])
def test_a_folder_without_our_mark_is_refused(
    mark: str | None, tmp_path: Path, run_here: RunHere
) -> None:
    (tmp_path / "logs").mkdir()
    if mark:
        (tmp_path / "fluximage-data").write_text(mark)
    refused = run_here("clear", "--yes", "--data-dir", tmp_path)
    assert refused.returncode == 1
    assert "not a data directory" in refused.stderr
    assert (tmp_path / "logs").exists()


def test_no_link_is_followed(data_dir: Path, tmp_path: Path, run_here: RunHere) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (data_dir / "valkey").symlink_to(precious)
    (data_dir / "objects/link").symlink_to(precious)
    (data_dir / "postgres-home").write_text(str(precious))
    link = tmp_path / "link"
    link.symlink_to(data_dir)
    assert run_here("clear", "--yes", "--data-dir", link).returncode == 1
    assert data_dir.exists()
    assert run_here("clear", "--yes", "--data-dir", data_dir).returncode == 0
    assert not data_dir.exists()
    assert (precious / "file").exists()


def test_a_start_in_a_folder_with_other_files_is_refused(tmp_path: Path, run_here: RunHere) -> None:
    (tmp_path / "thesis.txt").touch()
    refused = run_here("up", "--data-dir", tmp_path)
    assert refused.returncode == 1
    assert "holds other files" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_directory_of_an_older_version_is_known_by_its_secrets(
    data_dir: Path, run_here: RunHere
) -> None:
    (data_dir / "fluximage-data").unlink()
    assert run_here("clear", "--yes", "--data-dir", data_dir).returncode == 0
    assert not data_dir.exists()
