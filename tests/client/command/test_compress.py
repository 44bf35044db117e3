"""`fluximage compress`: a folder becomes a smaller folder, and nothing is paid or lost twice."""

import csv
import io
import json
import os
import sqlite3
from pathlib import Path

import pytest

from fluximage.command import ledger, output
from shared.plans import Plan
from shared.services import Services
from tests.client.command.conftest import Fx, used
from tests.support.client import Client
from tests.support.making import fill_storage, make_account, png


def tree(folder: Path) -> list[str]:
    """The visible files below `folder`."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not path.name.startswith("."))


def picture(path: Path, width: int = 20) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(width, 9))
    return path


@pytest.fixture
def photos(here: Path) -> Path:
    for number, name in enumerate(("01.png", "shoes/02.png", "shoes/red/02.png")):
        picture(here / "photos" / name, 20 + number)
    return here / "photos"


def test_the_tree_is_kept_and_the_same_command_again_does_and_pays_nothing(
    fx: Fx, account: Client, photos: Path
) -> None:
    assert fx("compress", "photos/", "--out", "web").returncode == 0
    results = ["01.webp", "shoes/02.webp", "shoes/red/02.webp"]
    assert tree(Path("web")) == [*results[:1], "fluximage.csv", "fluximage.json", *results[1:]]
    assert Path("web/01.webp").read_bytes()[8:12] == b"WEBP"
    again = fx("compress", "photos", "--out", "web")
    assert (again.returncode, used(account)) == (0, 3)
    assert "3 were done already" in again.stdout
    picture(photos / "new.png")
    os.utime(photos / "01.png", (1, 1))  # touched, and the same
    assert fx("compress", "photos", "--out", "web").returncode == 0
    assert used(account) == 4


def test_results_beside_their_originals_are_not_sent_themselves(
    fx: Fx, account: Client, photos: Path
) -> None:
    for _ in range(2):
        assert fx("compress", photos).returncode == 0
    assert tree(photos)[:2] == ["01.png", "01.webp"]
    assert len(tree(photos)) == 6
    assert used(account) == 3


def test_a_result_that_was_deleted_or_whose_source_changed_is_made_again(
    fx: Fx, account: Client, photos: Path
) -> None:
    assert account.key
    fx("compress", photos, "--out", "web")
    Path("web/01.webp").unlink()
    assert fx("compress", photos, "--out", "web").returncode == 0
    assert Path("web/01.webp").exists()
    before = Path("web/01.webp").read_bytes()
    picture(photos / "01.png", 70)
    refused = fx("compress", photos, "--out", "web")
    assert refused.returncode == 2
    assert "web/01.webp exists" in refused.stderr
    assert Path("web/01.webp").read_bytes() == before
    assert fx("compress", photos, "--out", "web", "--overwrite").returncode == 0
    assert Path("web/01.webp").read_bytes() != before


@pytest.mark.parametrize(
    ("others", "arguments", "told"),
    [
        (["01.gif"], [], "would both become web/01.webp"),
        (["01.PNG"], [], "would both become web/01.webp"),
        (["Shoes/02.png"], [], "would both become web/shoes/02.webp"),
        (["web/01.webp"], [], "web/01.webp exists"),
        (["web/01.webp/x.png"], [], "web/01.webp is a folder"),
        (["web/shoes"], [], "web/shoes is a file"),
        ([], ["--format", "png", "--out", "photos"], "would be replaced by its own result"),
        (["01.webp"], ["--out", "photos", "--overwrite"], "which is sent too"),
        (["web/fluximage.csv"], [], "is no manifest"),
    ],
)
def test_a_collision_is_told_before_the_first_upload(
    others: list[str], arguments: list[str], told: str, fx: Fx, account: Client, photos: Path
) -> None:
    for name in others:
        folder = Path() if name.startswith("web/") else photos
        picture(folder / name)
    refused = fx("compress", "photos", *(arguments or ["--out", "web"]))
    assert refused.returncode == 2
    assert told in refused.stderr
    assert used(account) == 0


def test_in_place_only_what_became_smaller_is_replaced_and_mode_and_time_stay(
    fx: Fx, account: Client, here: Path
) -> None:
    folder = here / "photos"
    large = picture(folder / "large.PNG", 3000)
    content = large.read_bytes() + bytes(5000)  # padding behind the end of the PNG
    large.write_bytes(content)
    large.chmod(0o640)
    os.utime(large, ns=(10**18, 10**18))
    (folder / "moving.gif").write_bytes(b"GIF89a")
    done = fx("compress", "photos", "--in-place", "--backup", "kept")
    assert done.returncode == 0, done.stderr
    assert "moving.gif is gif, which is not written" in done.stdout
    assert large.read_bytes()[:4] == b"\x89PNG"
    assert large.stat().st_size < len(content)
    assert (large.stat().st_mode & 0o777, large.stat().st_mtime_ns) == (0o640, 10**18)
    assert Path("kept/large.PNG").read_bytes() == content
    smallest = large.read_bytes()
    fx("compress", "photos", "--in-place", "--backup", "kept")
    assert used(account) == 1
    # A ledger that was lost: the smallest file stays as it is.
    (folder / ledger.NAME).unlink()
    kept = fx("compress", "photos", "--in-place", "--json")
    assert json.loads(kept.stdout.splitlines()[0])["status"] == "kept"
    assert large.read_bytes() == smallest
    fx("compress", "photos", "--in-place")
    assert used(account) == 2


@pytest.mark.parametrize("arguments", [["--in-place"], ["--out", "web"]])
def test_a_run_that_was_killed_while_it_placed_a_result_does_not_send_it_again(
    arguments: list[str], fx: Fx, account: Client, here: Path
) -> None:
    image = picture(here / "photos/a.png", 3000)
    image.write_bytes(image.read_bytes() + bytes(5000))
    fx("compress", "photos", *arguments)
    (found,) = here.rglob(ledger.NAME)
    with sqlite3.connect(found) as rows:
        rows.execute("UPDATE files SET state = 'placing'")
        rows.execute("DELETE FROM fluximage_done")
    again = fx("compress", "photos", *arguments, "--manifest", "all.csv")
    assert (again.returncode, used(account)) == (0, 1)
    assert "a.png" in Path("all.csv").read_text()


def test_a_result_that_waits_for_its_name_gets_it_in_the_next_run(
    fx: Fx, account: Client, photos: Path
) -> None:
    fx("compress", photos / "01.png", "--out", "web")
    with sqlite3.connect(Path("web", ledger.NAME)) as rows:
        rows.execute("UPDATE files SET state = 'placing'")
        rows.execute("DELETE FROM fluximage_done")
    with output.part_of(Path("web/01.webp"), photos / "01.png") as part:
        Path("web/01.webp").rename(part)
        Path("web/01.webp").touch()  # as a file system without hard links is left
        assert fx("compress", photos / "01.png", "--out", "web").returncode == 0
        assert not part.exists()
    assert Path("web/01.webp").read_bytes()[8:12] == b"WEBP"
    assert used(account) == 1


def test_a_name_that_is_known_afterwards_never_replaces_a_file(
    fx: Fx, account: Client, photos: Path
) -> None:
    assert account.key
    theirs = picture(Path("web/01-20.webp"))
    template = "{dir}/{stem}-{width}.{ext}"
    assert fx("compress", photos / "01.png", "--out", "web", "--name", template).returncode == 0
    assert theirs.read_bytes() == png(20, 9)
    assert Path("web/01-20-2.webp").read_bytes()[8:12] == b"WEBP"
    again = fx("compress", photos / "01.png", "--out", "web", "--name", template)
    assert "1 was done already" in again.stdout


def test_images_that_get_one_name_afterwards_are_all_kept(
    fx: Fx, account: Client, photos: Path
) -> None:
    assert account.key
    for number in range(6):
        (photos / f"{number}.png").write_bytes(png(30, 20 + number))
    for _ in range(2):
        done = fx("compress", photos, "--out", "web", "--name", "{width}.{ext}", "--overwrite")
        assert done.returncode == 0
    heights = {json.loads(Path("web/fluximage.json").read_text())[i]["height"] for i in range(9)}
    assert {20, 21, 22, 23, 24, 25} <= heights
    assert len(list(Path("web").glob("30*.webp"))) == 6


def test_results_in_the_folder_of_the_originals_are_not_sent_in_turn(
    fx: Fx, account: Client, photos: Path
) -> None:
    for _ in range(2):
        assert fx("compress", photos, "--out", photos).returncode == 0
    assert used(account) == 3


def test_failed_images_are_listed_and_tried_again(fx: Fx, account: Client, photos: Path) -> None:
    (photos / "shoes/notes.png").write_text("no image")
    failed = fx("compress", "photos", "--out", "web", "--failed-list", "failed.txt")
    assert failed.returncode == 3
    assert "photos/shoes/notes.png is not an image" in failed.stdout
    assert Path("failed.txt").read_text() == "photos/shoes/notes.png\n"
    picture(photos / "shoes/notes.png")
    arguments = ("photos", "--out", "web", "--files-from", "failed.txt")
    assert fx("compress", *arguments).returncode == 0
    assert Path("web/shoes/notes.webp").exists()
    assert used(account) == 4


def test_a_second_run_on_the_same_output_is_told_apart(
    fx: Fx, account: Client, photos: Path
) -> None:
    Path("web").mkdir()
    with ledger.locked(Path("web")):
        refused = fx("compress", photos, "--out", "web")
    assert refused.returncode == 1
    assert f"works on web (process {os.getpid()})" in refused.stderr
    assert used(account) == 0
    assert fx("compress", photos, "--out", "web").returncode == 0


def test_every_error_has_its_exit_status_and_none_shows_the_key(
    fx: Fx, account: Client, service: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(*arguments: object) -> int:
        ended = fx("compress", photos, "--out", "web", *arguments)
        assert os.environ["FLUXIMAGE_API_KEY"] not in ended.stdout + ended.stderr
        assert ended.stderr.startswith(("fluximage: ", "Usage: "))
        return ended.returncode

    assert status("--quality", "39") == 2
    assert status("--url", "ftp://x") == 2
    assert status("--url", "http://127.0.0.1:1") == 5
    monkeypatch.setenv("FLUXIMAGE_API_KEY", "flx_live_" + "0" * 40)
    assert status() == 4
    monkeypatch.setenv("FLUXIMAGE_API_KEY", "broken\nkey")
    assert status() == 4
    _, free = make_account(service, Plan.FREE)
    monkeypatch.setenv("FLUXIMAGE_API_KEY", free)
    assert status("--alt-text") == 4
    assert used(account) == 0


def test_a_dry_run_writes_and_pays_nothing_and_says_what_the_plan_lacks(
    fx: Fx, account: Client, service: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = fx("compress", photos, "--out", "web", "--dry-run")
    assert said.returncode == 0
    assert "3 images, " in said.stdout
    assert "in 3 folders" in said.stdout
    assert "Plan agency: no limit of images." in said.stdout
    assert not Path("web").exists()
    assert used(account) == 0
    for number in range(20):
        picture(photos / f"more/{number}.png")
    _, free = make_account(service, Plan.FREE)
    monkeypatch.setenv("FLUXIMAGE_API_KEY", free)
    short = fx("compress", photos, "--out", "web", "--dry-run")
    assert short.returncode == 4
    assert "The plan free has 20 images left; 23 are needed." in short.stderr


def test_the_manifest_has_every_file_and_no_cell_is_a_formula(
    fx: Fx, account: Client, photos: Path
) -> None:
    assert account.key
    picture(photos / "=cmd|calc.png")
    picture(photos / "@x,\n.png")
    fx("compress", photos, "--out", "web")
    rows = list(csv.DictReader(io.StringIO(Path("web/fluximage.csv").read_text(), newline="")))
    assert [row["old_path"] for row in rows] == [
        "01.png", "'=cmd|calc.png", "'@x,\n.png", "shoes/02.png", "shoes/red/02.png",
    ]  # fmt: skip
    assert rows[1]["new_path"] == "'=cmd|calc.webp"
    facts = json.loads(Path("web/fluximage.json").read_text())
    assert facts[1]["old_path"] == "=cmd|calc.png"
    assert facts[0]["compressed_size"] == Path("web/01.webp").stat().st_size


def test_a_name_cannot_write_to_the_terminal_and_may_be_no_text(
    fx: Fx, account: Client, here: Path
) -> None:
    assert account.key
    (here / "photos").mkdir()
    for name in (b"\x1b]0;owned\x07.png", b"caf\xe9.png", "日本.png".encode()):
        Path("photos", os.fsdecode(name)).write_bytes(png())
    told = fx("compress", "photos", "--out", "web")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "\x1b" not in told.stdout
    names = {b"\x1b]0;owned\x07.webp", b"caf\xe9.webp", "日本.webp".encode()}
    assert names <= set(os.listdir(b"web"))
    assert "3 were done already" in fx("compress", "photos", "--out", "web").stdout


def test_where_the_storage_is_full_the_run_ends_and_says_what_frees_it(
    fx: Fx, account: Client, service: Services, photos: Path
) -> None:
    fill_storage(service, account.account)
    refused = fx("compress", photos, "--out", "web")
    assert refused.returncode == 4
    assert "Delete a session" in refused.stderr
    assert used(account) == 0
