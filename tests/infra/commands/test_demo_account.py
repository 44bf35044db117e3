"""The demo account that a start announces, over a real database."""

import json
from pathlib import Path

import pytest

from infra.commands import demo_account
from infra.commands.demo_account import Demo
from infra.embedded.data_dir import DataDir
from shared.db import accounts
from shared.plans import Plan
from shared.services import Services


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


def test_the_demo_account_keeps_its_key(unit: Services, data_dir: DataDir) -> None:
    first = demo_account.find_or_create(unit.database, data_dir)
    assert first.name == "demo"
    assert demo_account.find_or_create(unit.database, data_dir) == first


def test_an_account_named_demo_that_is_not_ours_stays_unchanged(
    unit: Services, data_dir: DataDir
) -> None:
    theirs = accounts.create(unit.database, "demo", Plan.FREE)
    ours = demo_account.find_or_create(unit.database, data_dir)
    assert ours.name.startswith("demo-")
    assert ours.notice.endswith(f"made {ours.name} beside it.")
    assert demo_account.find_or_create(unit.database, data_dir) == ours
    assert accounts.authenticate(unit.database, theirs).name == "demo"


def test_an_account_whose_key_was_rolled_elsewhere_stays_the_only_one_and_has_no_key_here(
    unit: Services, data_dir: DataDir
) -> None:
    first = demo_account.find_or_create(unit.database, data_dir)
    elsewhere = accounts.roll_key(unit.database, str(first.key))
    again = demo_account.find_or_create(unit.database, data_dir)
    assert (again, again.notice[:35]) == (Demo("demo", None), "The key of the account demo was rol")
    assert [account.name for account in accounts.list_all(unit.database)] == ["demo"]
    assert accounts.authenticate(unit.database, elsewhere).name == "demo"
    demo_account.write_ready(data_dir, "http://here", again)
    assert json.loads((data_dir.path / "ready.json").read_text()) == {"url": "http://here"}


def test_a_key_of_another_database_is_replaced_by_an_account_in_this_one(
    unit: Services, data_dir: DataDir
) -> None:
    data_dir.keep_secrets(demo_api_key="flx_live_" + "0" * 40, demo_account="demo-1")
    found = demo_account.find_or_create(unit.database, data_dir)
    assert (found.name, found.notice) == ("demo", "")
    assert accounts.authenticate(unit.database, str(found.key)).name == "demo"


def test_a_key_that_was_rolled_here_is_kept(unit: Services, data_dir: DataDir) -> None:
    first = demo_account.find_or_create(unit.database, data_dir)
    demo_account.write_ready(data_dir, "http://here", first)
    rolled = accounts.roll_key_of(unit.database, "demo")
    demo_account.keep_demo_key(data_dir.path, None, "demo", rolled)
    assert json.loads((data_dir.path / "ready.json").read_text())["api_key"] == rolled
    assert demo_account.find_or_create(unit.database, data_dir) == Demo("demo", rolled)


def test_a_key_of_another_account_or_database_is_not_kept(
    unit: Services, data_dir: DataDir
) -> None:
    ours = demo_account.find_or_create(unit.database, data_dir)
    data_dir.keep_state({"environment": {"DATABASE_URL": "postgresql://ours"}})
    demo_account.keep_demo_key(data_dir.path, None, "ann", "another")
    demo_account.keep_demo_key(data_dir.path, "postgresql://theirs", "demo", "another")
    assert demo_account.find_or_create(unit.database, data_dir) == ours
    demo_account.keep_demo_key(data_dir.path, "postgresql://ours", "demo", "the new one")
    assert data_dir.secrets()["demo_api_key"] == "the new one"
