"""What a start says of the page and the key: on a terminal, in a file, and when the key changes."""

import json
import os
import pty
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TextIO

import pytest

from infra.commands import demo_account, demo_key_watch
from infra.commands.announcement import Announcement
from infra.commands.console import Console
from infra.commands.demo_account import Demo
from infra.embedded.data_dir import DataDir
from infra.embedded.network import is_loopback
from shared.db import accounts
from shared.services import Services
from tests.support.cases import every_case
from tests.support.processes import eventually

URL = "http://127.0.0.1:41234"
DEMO = Demo("demo", "flx_live_0")


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@contextmanager
def terminal() -> Iterator[tuple[TextIO, int]]:
    """A terminal: where a program writes, and where what it shows is read."""
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w") as stream:
            yield stream, ours
    finally:
        os.close(ours)


def _on_a_terminal(data_dir: DataDir, *, signs_in: bool) -> str:
    with terminal() as (stream, ours):
        with Console(stream=stream) as console:
            Announcement(data_dir, console, URL, signs_in).serves(DEMO)
        return os.read(ours, 4096).decode().replace("\r", "").replace("\x1b[K", "")


def test_a_terminal_on_this_machine_is_shown_a_link_that_signs_in(data_dir: DataDir) -> None:
    assert _on_a_terminal(data_dir, signs_in=True) == (
        f"fluximage serves at {URL}\n"
        f"  Open it in a browser: {URL}/#key=flx_live_0\n"
        "  API key of the account demo: flx_live_0\n"
        "  Try: curl -H 'Authorization: Bearer flx_live_0' -F file=@photo.jpg"
        f" {URL}/api/compress\n"
    )


def test_a_service_that_others_can_reach_has_no_link_that_signs_in(data_dir: DataDir) -> None:
    assert f"Open it in a browser: {URL}/\n" in _on_a_terminal(data_dir, signs_in=False)


def test_a_file_gets_no_key_but_the_place_where_it_is(data_dir: DataDir) -> None:
    printed = StringIO()
    with Console(stream=printed) as console:
        announcement = Announcement(data_dir, console, URL, signs_in=True, taken=8080)
        announcement.serves(DEMO)
        announcement.key_changed(Demo("demo", "flx_live_1"))
    ready = data_dir.path / "ready.json"
    where = f"  The API key of the account demo is in {ready}, which you alone can read."
    assert printed.getvalue().splitlines() == [
        f"fluximage serves at {URL} (not on port 8080, which another program has)",
        f"  Open it in a browser: {URL}/",
        where,
        "",
        "The key of the account demo was rolled. Its new key:",
        f"  Open it in a browser: {URL}/",
        where,
    ]
    assert json.loads(ready.read_text())["api_key"] == "flx_live_1"
    assert ready.stat().st_mode & 0o777 == 0o600


@every_case(
    "host, is_here",
    [
        *(("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.0.0.2", True)),
        ("0.0.0.0", False),  # noqa: S104 - not bound
        *(("::", False), ("10.0.0.1", False), ("here.example", False)),
        *(("localhost.example", False), ("", False)),
    ],
)
def test_only_an_address_of_this_machine_alone_is_loopback(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_a_start_whose_key_was_rolled_says_how_to_make_another(data_dir: DataDir) -> None:
    printed = StringIO()
    with Console(stream=printed) as console:
        Announcement(data_dir, console, URL, signs_in=True).serves(Demo("demo", None, "Rolled."))
    assert printed.getvalue() == (
        f"fluximage serves at {URL}\n"
        "Rolled.\n"
        f"  Open it in a browser: {URL}/\n"
        "  Sign in with the new key of the account demo. If it is lost, make another:\n"
        f"    fluximage keys roll demo --data-dir {data_dir.path}\n"
    )


def test_the_folder_that_is_the_usual_one_need_not_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = StringIO()
    with Console(stream=printed) as console:
        announcement = Announcement(DataDir(Path(".fluximage")), console, URL, signs_in=True)
        announcement.key_changed(Demo("demo", None))
    assert printed.getvalue().endswith("    fluximage keys roll demo\n")


def test_a_key_that_is_rolled_while_it_serves_is_told_and_so_is_the_next_one(
    unit: Services, data_dir: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_key_watch, "LOOK_SECONDS", 0.05)
    demo, told = demo_account.find_or_create(unit.database, data_dir), list[Demo]()
    with demo_key_watch.watching(unit.database, data_dir, demo, told.append):
        accounts.roll_key(unit.database, str(demo.key))  # as the page does
        assert eventually(lambda: told == [Demo("demo", None)])
        key = accounts.roll_key_of(unit.database, "demo")  # as the command does
        demo_account.keep_demo_key(data_dir.path, None, "demo", key)
        assert eventually(lambda: told[1:] == [Demo("demo", key)])
    assert [account.name for account in accounts.list_all(unit.database)] == ["demo"]


def test_what_is_told_of_a_new_key_is_in_the_ready_file(data_dir: DataDir) -> None:
    printed = StringIO()
    with Console(stream=printed) as console:
        announcement = Announcement(data_dir, console, URL, signs_in=True)
        for demo, kept in ((DEMO, {"api_key": "flx_live_0"}), (Demo("demo", None), {})):
            announcement.key_changed(demo)
            ready = data_dir.path / "ready.json"
            assert json.loads(ready.read_text()) == {"url": URL} | kept
            assert ready.stat().st_mode & 0o777 == 0o600
    assert re.findall(r"rolled\. (.*):\n", printed.getvalue()) == [
        "Its new key",
        "The link and the key above work no more",
    ]
