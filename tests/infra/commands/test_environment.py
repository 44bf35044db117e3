"""What the commands make of the environment: secrets in files, and names that are not ours."""

from collections.abc import Mapping
from pathlib import Path

from shared.services import Services
from tests.infra.commands.conftest import RunHere
from tests.support.making import make_account


def test_accounts_are_those_of_the_database_that_a_file_names(
    unit: Services, unit_environment: Mapping[str, str], run_here: RunHere, tmp_path: Path
) -> None:
    account, _ = make_account(unit)
    (tmp_path / "url").write_text(unit_environment["DATABASE_URL"] + "\n")
    listed = run_here("accounts", "list", DATABASE_URL_FILE=str(tmp_path / "url"))
    assert account.name in listed.stdout


def test_up_says_in_one_line_which_file_it_cannot_read(run_here: RunHere, tmp_path: Path) -> None:
    told = run_here("up", "--data-dir", tmp_path / "data", REDIS_URL_FILE=str(tmp_path / "none"))
    assert told.returncode == 1
    fault = f"REDIS_URL_FILE: {tmp_path}/none cannot be read: No such file or directory."
    assert told.stderr == f"fluximage: The settings cannot be used:\n  {fault}\n"
    assert not (tmp_path / "data").exists()


def test_check_tells_a_name_that_begins_like_ours_and_goes_on(
    unit_environment: Mapping[str, str], run_here: RunHere
) -> None:
    told = run_here("check", **unit_environment, FLUXIMAGE_IMAGE_TAG="1", FLUXIMAGE_URL="http://x")
    assert "FLUXIMAGE_IMAGE_TAG is set, but there is no such setting" in told.stderr
    assert "FLUXIMAGE_URL" not in told.stderr
