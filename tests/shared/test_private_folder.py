"""Where the processes of one user meet: no other user can take the place, or stop them by it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import private_folder
from shared.private_folder import RUN_DIR

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="plays another user, which root can")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TMPDIR as it usually is: all users make files there, and delete only their own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv(RUN_DIR, raising=False)
    tmp_path.chmod(0o1777)
    return tmp_path


def by_another_user(do: Callable[[], object]) -> None:
    """Does it in a process of its own; paths have to be relative to the present folder."""
    if (child := os.fork()) == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        try:
            do()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def open_(path: Path) -> None:
    with private_folder.opened(path / "memory"):
        pass


def test_without_a_setting_it_is_a_folder_in_the_temporary_one_that_is_closed_to_others(
    place: Path,
) -> None:
    folder = private_folder.run_folder()
    assert folder == place / f"fluximage-run-{os.geteuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert private_folder.run_folder() == folder


@as_root
def test_another_user_who_takes_its_name_first_stops_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = place / "fluximage-run-0"
    monkeypatch.chdir(place)
    by_another_user(lambda: os.mkdir(usual.name))
    assert usual.stat().st_uid == NOBODY
    folder = private_folder.run_folder()
    assert folder != usual
    open_(folder)
    by_another_user(lambda: os.rmdir(usual.name))
    assert not usual.exists()
    assert private_folder.run_folder() == folder  # as for those who use it already


@as_root
def test_a_link_of_another_user_to_a_folder_of_ours_is_not_taken(
    place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, usual = tmp_path_factory.mktemp("ours"), place / "fluximage-run-0"
    monkeypatch.chdir(place)
    by_another_user(lambda: os.symlink(ours, usual.name))
    assert usual.is_symlink()
    open_(private_folder.run_folder())
    assert list(ours.iterdir()) == []


def test_the_folder_that_the_setting_names_is_made_and_used(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN_DIR, str(place / "run"))
    open_(private_folder.run_folder())
    assert (place / "run" / "memory").stat().st_mode & 0o777 == 0o700
    assert (place / "run").stat().st_mode & 0o777 == 0o700


@as_root
def test_a_named_folder_of_another_user_is_refused(place: Path) -> None:
    (place / "run").mkdir(mode=0o700)
    os.chown(place / "run", NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="belongs to another user"):
        open_(place / "run")


def test_a_named_folder_that_others_may_change_is_refused(place: Path) -> None:
    (place / "run").mkdir()
    (place / "run").chmod(0o777)
    with pytest.raises(PermissionError, match="other users may change it"):
        open_(place / "run")


def test_a_named_folder_that_is_a_link_is_refused(place: Path) -> None:
    (place / "elsewhere").mkdir(mode=0o700)
    (place / "run").symlink_to(place / "elsewhere")
    with pytest.raises(OSError, match="Not a directory"):
        open_(place / "run")
