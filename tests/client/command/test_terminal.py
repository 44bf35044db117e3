"""What a person sees on a terminal: the bar, Ctrl-C, a narrow window."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.client.command.conftest import argv, environment, process, used
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import png
from tests.support.processes import eventually

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9;]*m")


@pytest.fixture
def photos(here: Path) -> Path:
    (here / "photos").mkdir()
    for number in range(25):
        (here / f"photos/{number}.png").write_bytes(png(20 + number))
    return here / "photos"


@contextmanager
def terminal(*arguments: object, columns: int = 100, **more: str) -> Iterator["pexpect.spawn[str]"]:
    env = environment(**{"TERM": "xterm-256color"} | more)
    command = argv(*arguments)
    with pexpect.spawn(
        sys.executable, command[1:], env=env, encoding="utf-8", dimensions=(24, columns), timeout=60
    ) as child:
        yield child


def ended(child: "pexpect.spawn[str]") -> str:
    """All that it still writes."""
    child.expect(pexpect.EOF)
    child.wait()
    return str(child.before)


def test_a_bar_shows_how_far_it_is_and_leaves_the_sums(account: Client, photos: Path) -> None:
    assert account.key
    (photos / "notes.png").write_text("no image")
    with terminal("compress", photos, "--out", "web") as child:
        child.expect(r"photos.*━.* \d+/26 ")
        seen = str(child.before) + str(child.after)  # the failure may be told before the bar
        end = ended(child)
        assert child.exitstatus == 3
    assert COLOUR.search(end)
    assert "photos/notes.png is not an image this service reads" in seen + end
    assert "25 images " in end
    assert "1 failed: " in end
    assert " → " not in end.rpartition("\r")[2]  # no line for each image
    assert "\x1b[?25h" in end  # the cursor is there again


def test_without_colour_and_in_a_narrow_window_the_bar_shows_the_count(
    account: Client, photos: Path
) -> None:
    assert account.key
    with terminal("compress", photos, "--out", "web", columns=14, NO_COLOR="1") as child:
        child.expect(r"\d+/25")
        lines = ended(child)
        assert child.exitstatus == 0
    assert not COLOUR.search(lines)
    assert "━" not in lines


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(
    account: Client, line: Line, photos: Path
) -> None:
    line.blocked = b"/api/sessions"  # so that no image ends
    with terminal("compress", photos, "--out", "web", "--url", line.url) as child:
        child.expect("0/25")
        child.sendintr()
        told = ended(child)
        assert child.exitstatus == 130
    assert re.search(r"Stopped after \d+ of 25 images", told)
    assert "type the same command to go on" in told
    line.blocked = b""
    with terminal("compress", photos, "--out", "web", "--url", line.url) as child:
        assert "images " in ended(child)
        assert child.exitstatus == 0
    assert len(list(Path("web").glob("*.webp"))) == 25
    assert used(account) == 25


def test_a_terminal_that_can_do_little_gets_plain_lines(account: Client, photos: Path) -> None:
    assert account.key
    with terminal("compress", photos / "1.png", "--out", "web", TERM="dumb") as child:
        told = ended(child)
    assert "photos/1.png → web/1.webp" in told
    assert "\x1b" not in told


def test_a_server_that_does_not_answer_is_told_below_the_bar(
    account: Client, line: Line, photos: Path
) -> None:
    line.blocked = b"POST "
    with terminal("compress", photos, "--out", "web", FLUXIMAGE_URL=line.url) as child:
        child.expect(r"The server does not answer; trying again in \d+ s")
        line.blocked = b""
        assert "25 images " in ended(child)
        assert child.exitstatus == 0
    assert used(account) == 25


@pytest.mark.parametrize("quiet", [(), pytest.param(("--quiet",), marks=pytest.mark.full)])
def test_elsewhere_a_plain_line_tells_of_a_server_that_does_not_answer(
    account: Client, line: Line, photos: Path, quiet: tuple[str, ...]
) -> None:
    line.blocked = b"POST "
    more = {"FLUXIMAGE_URL": line.url, "FLUXIMAGE_API_KEY": account.key}
    running = process("compress", photos, "--out", "web", *quiet, **more)
    assert eventually(lambda: line.cuts >= 14, 40)
    line.blocked = b""
    told, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert ("The server does not answer; trying again in" in told) == (not quiet)
