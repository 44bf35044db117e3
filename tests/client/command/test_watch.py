"""`fluximage watch`: what appears is compressed once, when it is complete."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from fluximage.command.walk import Found
from fluximage.command.watch import Settling
from infra.dev.messages_api import Answer, MessagesApi, Request
from tests.client.command.conftest import Fx, process, used
from tests.support.client import Client
from tests.support.making import png, saying


@contextmanager
def watching(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    child = process("watch", "inbox", "--settle", "0.5", *arguments)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come")


def there(name: str) -> Callable[[], bool]:
    return lambda: Path(name).exists()


@pytest.fixture
def inbox(account: Client, here: Path) -> Path:
    assert account.key
    (here / "inbox/red").mkdir(parents=True)
    (here / "inbox/first.png").write_bytes(png())
    return here / "inbox"


def test_what_appears_is_compressed_once_and_ctrl_c_ends_it_with_the_sums(
    inbox: Path, account: Client
) -> None:
    with watching("--out", "web") as child:
        until(there("web/first.webp"))
        (inbox / "red/second.png").write_bytes(png(20))
        (inbox / "notes.png").write_text("no image")
        (inbox / ".hidden.png").write_bytes(png(30))
        until(there("web/red/second.webp"))
        # Both would become web/third.webp: one does, the other is told, and the watch goes on.
        (inbox / "third.png").write_bytes(png(40))
        (inbox / "third.jpg").write_bytes(png(41))
        until(there("web/third.webp"))
        (inbox / "fourth.png").write_bytes(png(50))
        until(there("web/fourth.webp"))
        time.sleep(1)  # in a pause
        child.send_signal(signal.SIGINT)
        told, errors = child.communicate(timeout=60)
    assert child.returncode == 0, told + errors
    assert "inbox/red/second.png → web/red/second.webp" in told
    assert told.count("notes.png") == 2  # as it failed, and in the sums
    assert "web/third.webp exists" in errors
    assert "4 images" in told
    assert "Traceback" not in errors
    assert used(account) == 4


def test_results_beside_their_originals_are_not_taken_for_new_images(
    fx: Fx, inbox: Path, account: Client
) -> None:
    with watching("--json") as child:
        until(there("inbox/first.webp"))
        (inbox / "second.png").write_bytes(png(20))
        until(there("inbox/second.webp"))
        time.sleep(2.5)  # as long as it would take to find the results
        child.send_signal(signal.SIGTERM)
        told, _ = child.communicate(timeout=60)
    *images, summary = map(json.loads, told.splitlines())
    assert [one["status"] for one in images] == ["done", "done"]
    assert (summary["type"], summary["done"], summary["exit_status"]) == ("summary", 2, 0)
    assert fx("compress", "inbox").returncode == 0  # the ledger is the same
    assert used(account) == 2


def test_an_original_that_was_replaced_is_not_taken_for_a_new_image(
    inbox: Path, account: Client
) -> None:
    large = png(400) + bytes(5000)
    (inbox / "first.png").write_bytes(large)
    with watching("--in-place", "--json") as child:
        until(lambda: (inbox / "first.png").stat().st_size < len(large))
        time.sleep(2.5)  # as long as it would take to find it
        child.send_signal(signal.SIGTERM)
        told, _ = child.communicate(timeout=60)
    *images, summary = map(json.loads, told.splitlines())
    assert [one["status"] for one in images] == ["done"]
    assert (summary["images"], summary["skipped"], used(account)) == (1, 0, 1)


def test_ctrl_c_with_images_on_their_way_ends_it_with_130(
    fx: Fx, inbox: Path, account: Client, model: MessagesApi
) -> None:
    over, asked = threading.Event(), threading.Event()

    def answer(_: Request) -> Answer:
        asked.set()
        over.wait(60)
        return saying("Red", "red")

    model.otherwise = answer
    with watching("--out", "web", "--alt-text") as child:
        assert asked.wait(60)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    over.set()
    assert child.returncode == 130
    assert "type the same command to go on" in errors
    assert fx("compress", "inbox", "--out", "web", "--alt-text").returncode == 0
    assert used(account) == 1
    assert inbox.exists()


def test_a_wrong_key_or_address_ends_it_at_once(fx: Fx, inbox: Path) -> None:
    assert fx("watch", inbox, "--url", "http://127.0.0.1:1").returncode == 5
    assert fx("watch", "nowhere").returncode == 2


def found(size: int, mtime_ns: int = 1, name: str = "a") -> Found:
    return Found(Path(name), PurePosixPath(name), size, mtime_ns, 0o644)


def test_a_file_is_taken_when_it_has_stayed_as_it_is() -> None:
    settling = Settling(2)
    steps = [
        (found(1), 0, False), (found(2), 1, False), (found(2), 2.9, False),
        (found(2, 2), 3, False), (found(2, 2), 4.9, False), (found(2, 2), 5, True),
        (found(2, 2), 6, True), (found(3, 2), 7, False),
    ]  # fmt: skip
    for file, now, taken in steps:
        assert bool(list(settling.settled([file], now))) == taken
    assert not [*settling.settled([found(0, 1, "empty")], 8)]
    assert not [*settling.settled([found(0, 1, "empty")], 99)]
