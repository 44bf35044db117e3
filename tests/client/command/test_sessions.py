"""`fluximage sessions` and `usage`: what the server holds, seen, fetched, ended."""

import json
import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pexpect  # type: ignore[import-untyped]  # it ships no types
import pytest
from jsonschema import Draft202012Validator

from fluximage.answers import Image
from fluximage.command.session_download import place_of
from infra.dev.messages_api import MessagesApi
from tests.client.command.conftest import Fx, argv, environment
from tests.support.client import Client
from tests.support.making import png, saying
from tests.support.paths import ROOT


@pytest.fixture
def sale(fx: Fx, account: Client, here: Path) -> str:
    """The name of a session with two results and a failure."""
    assert account.key
    for name in ("a.png", "red/a.png", "red/b.png"):
        (here / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "photos" / name).write_bytes(png(30, 20 + len(name)))
    (here / "photos/red/b.png").write_text("no image")
    assert fx("compress", "photos", "--out", "web", "--session", "sale").returncode == 3
    return "sale"


@pytest.fixture
def open_session(account: Client, model: MessagesApi) -> Iterator[str]:
    """The name of a session whose second image waits for its text until the test ends."""
    over = threading.Event()
    model.otherwise = lambda _: (over.wait(60), saying("Red", "red"))[1]
    account.compress([("a.png", png(40))], {"sessionId": "open"})
    fields = {"sessionId": "open", "autoAltText": "true"}
    account.compress([("b.png", png(50))], fields, {"Prefer": "respond-async"})
    yield "open"
    over.set()


def test_sessions_are_listed_and_shown(fx: Fx, sale: str) -> None:
    listed = fx("sessions", "list")
    assert "sale  completed, 3 images, 1 failed" in listed.stdout
    (line,) = map(json.loads, fx("sessions", "list", "--json").stdout.splitlines())
    assert (line["session_id"], line["progress"]["failed"]) == ("sale", 1)
    shown = fx("sessions", "show", sale)
    assert shown.returncode == 0
    assert "red/a.png → red/a.webp" in shown.stdout
    assert "failed  red/b.png is not an image" in shown.stdout
    *ended, session = map(json.loads, fx("sessions", "show", sale, "--json").stdout.splitlines())
    assert sorted(one["type"] for one in ended) == ["failure", "image", "image"]
    assert {one["path"] for one in ended} == {None, "red"}
    assert (session["type"], session["progress"]["completed"]) == ("session", 2)


def test_a_session_that_is_not_there_is_told(fx: Fx, account: Client) -> None:
    assert account.key
    for verb in ("show", "watch", "download", "retry", "cancel"):
        told = fx("sessions", verb, "nowhere")
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.startswith("fluximage: ")
    assert fx("sessions", "show", "a b").returncode == 2
    assert "There is no session." in fx("sessions", "list").stdout


def test_watching_tells_each_image_until_the_end(fx: Fx, sale: str) -> None:
    told = fx("sessions", "watch", sale)
    assert told.returncode == 3
    assert "a.png → a.webp" in told.stdout
    assert "sale: completed, 3 images, 1 failed" in told.stdout
    lines = [
        json.loads(line)
        for line in fx("sessions", "watch", sale, "--json").stdout.split("\n")
        if line
    ]
    assert [one["type"] for one in lines][-1] == "session"
    assert len(lines) == 4


def test_results_are_saved_as_a_tree_and_nothing_is_replaced(fx: Fx, sale: str) -> None:
    saved = fx("sessions", "download", sale)
    assert saved.returncode == 0, saved.stderr
    assert "1 image failed on the server" in saved.stderr
    assert Path("sale/red/a.webp").read_bytes() == Path("web/red/a.webp").read_bytes()
    Path("sale/a.webp").write_text("mine")
    again = fx("sessions", "download", sale, "--json")
    assert again.returncode == 3
    assert Path("sale/a.webp").read_text() == "mine"
    schema = Draft202012Validator(json.loads((ROOT / "docs/command-line.schema.json").read_text()))
    *images, summary = map(json.loads, again.stdout.splitlines())
    for record in (*images, summary):
        schema.validate(record)
    counts = [summary[name] for name in ("images", "done", "skipped", "failed")]
    assert counts == [2, 0, 1, 1]


def test_results_are_saved_as_an_archive_and_nothing_is_replaced(fx: Fx, sale: str) -> None:
    assert fx("sessions", "download", sale, "--archive", "all/sale.zip").returncode == 0
    with zipfile.ZipFile("all/sale.zip") as archive:
        assert {"a.webp", "red/a.webp", "manifest.csv"} <= set(archive.namelist())
    before = Path("all/sale.zip").read_bytes()
    again = fx("sessions", "download", sale, "--archive", "all/sale.zip")
    assert (again.returncode, Path("all/sale.zip").read_bytes()) == (2, before)
    assert [path.name for path in Path("all").iterdir()] == ["sale.zip"]


def test_what_has_ended_of_an_open_session_is_saved_and_cancelling_keeps_it(
    fx: Fx, open_session: str
) -> None:
    early = fx("sessions", "download", open_session)
    assert early.returncode == 5
    assert "1 image not ended yet" in early.stderr
    assert len(list(Path(open_session).iterdir())) == 1
    cancelled = fx("sessions", "cancel", open_session)
    assert cancelled.returncode == 0
    assert "open: completed, 2 images, 1 cancelled" in cancelled.stdout
    assert fx("sessions", "download", open_session).returncode == 0
    assert fx("sessions", "watch", open_session).returncode == 3


def test_ctrl_c_ends_the_watching_alone(fx: Fx, open_session: str) -> None:
    command = argv("sessions", "watch", open_session)
    child = pexpect.spawn(command[0], command[1:], env=environment(TERM="xterm"), encoding="utf-8")
    child.expect("1/2", timeout=60)
    child.sendintr()
    child.expect(f"to end it, type: fluximage sessions cancel {open_session}", timeout=60)
    child.expect(pexpect.EOF, timeout=60)
    child.close()
    assert child.exitstatus == 130
    assert "processing" in fx("sessions", "list").stdout


def test_a_retry_says_whether_there_was_anything(fx: Fx, sale: str) -> None:
    assert "nothing that another run could help" in fx("sessions", "retry", sale).stdout
    assert json.loads(fx("sessions", "retry", sale, "--json").stdout)["retried"] == 0


def test_nothing_is_deleted_before_someone_said_yes(fx: Fx, sale: str) -> None:
    refused = fx("sessions", "delete", sale)
    assert refused.returncode == 2
    assert "type --yes" in refused.stderr
    command = argv("sessions", "delete", sale)
    child = pexpect.spawn(command[0], command[1:], env=environment(), encoding="utf-8")
    child.expect("Delete sale and its 2 results on the server", timeout=60)
    child.sendline("n")
    child.expect(pexpect.EOF, timeout=60)
    assert json.loads(fx("sessions", "list", "--json").stdout)["status"] == "completed"
    assert fx("sessions", "delete", sale, "--yes").returncode == 0
    assert fx("sessions", "download", sale, "--archive", "late.zip").returncode == 1
    assert Path("web/a.webp").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        *((folder, "a.webp") for folder in ("..", "a/../..", "/etc", "link", "link/b")),
        *((None, name) for name in ("/etc/a", ".bashrc", "..", "a\\b", "a\0b")),
    ],
)
def test_a_name_of_the_server_never_leads_out_of_the_folder(
    folder: str | None, name: str, here: Path
) -> None:
    (here / "out").mkdir()
    (here / "out/link").symlink_to(here)
    image = Image("", "", 0, "", name, "webp", 1, 1, 1, 1, 0, "", "", path=folder)
    with pytest.raises(ValueError, match=r"named|leads"):
        place_of(image, here / "out")


def test_usage_is_told(fx: Fx, sale: str, account: Client) -> None:
    assert sale
    told = fx("usage").stdout
    assert told.startswith(f"Account {account.account.name}, plan agency\n")
    assert re.search(r"2 images in this period \(to \d{4}-\d\d-\d\d\), without a limit", told)
    record = json.loads(fx("usage", "--json").stdout)
    assert record["account"] == account.account.name
    assert (record["plan"], record["compressor_used"], record["images_left"]) == ("agency", 2, None)
