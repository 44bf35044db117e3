"""What --help says, in both installs, and what wrong options are answered."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fluximage.command import sessions
from fluximage.command.group import CLIENT_COMMANDS
from fluximage.command.main import cli
from infra.commands.main import SECTIONS
from infra.commands.main import cli as full
from tests.client.command.conftest import Fx, environment

VERBS = [f"sessions {name}" for name in sessions.group.commands]
COMMANDS = [*CLIENT_COMMANDS, *VERBS]


@pytest.mark.parametrize("words", COMMANDS)
def test_the_help_begins_with_three_examples_and_fits_a_screen(words: str, fx: Fx) -> None:
    lines = fx(*words.split(), "--help").stdout.splitlines()
    assert all(line.startswith(f"  fluximage {words}") for line in lines[:3])
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 92


@pytest.mark.parametrize("words", COMMANDS)
def test_the_help_names_every_option(words: str, fx: Fx) -> None:
    told = set(re.findall(r"--[a-z-]+", fx(*words.split(), "--help").stdout))
    command: click.Command = cli
    for word in words.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found
        command = found
    names = {name for one in command.params for name in one.opts if name.startswith("--")}
    assert names <= told


def test_the_full_install_shows_the_commands_of_the_client_and_of_the_operator() -> None:
    shown = full.get_help(click.Context(full))
    for heading, names in SECTIONS.items():
        assert f"{heading}:" in shown
        for name in names:
            assert re.search(rf"(?m)^  {name}  +\w", shown)


def test_the_start_of_another_command_imports_nothing_of_the_client() -> None:
    code = "import sys, infra.commands.main; print(*sys.modules)"
    command = (sys.executable, "-c", code)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert not {"httpx2", "rich", "platformdirs", "sqlite3"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "type: fluximage compress photos/ --out web/"),
        (["nowhere"], "nowhere does not exist"),
        (["--format", "gif", "a.png"], "'webp', 'avif', 'jpg', 'png'"),
        (["--qualty", "80", "a.png"], "Did you mean one of: '--quality'"),
        (["--max-width", "0", "a.png"], "1<=x<=65535"),
        (["--watermark", "text", "a.png"], "text is no image of 4 bytes; allowed is a PNG"),
        (["--watermark-scale", "20", "a.png"], "type --watermark FILE.png, too"),
        (["--context", "shoes", "a.png"], "type --alt-text or --rename, too"),
        (["--context", "x" * 301, "--alt-text", "a.png"], "301 characters; allowed are 300"),
        (["--session", "a b", "a.png"], "allowed are 1 to 128 of"),
        (["--in-place", "--format", "avif", "a.png"], "leave out --format"),
        (["--in-place", "--out", "web", "a.png"], "leave out --out"),
        (["--backup", "kept", "a.png"], "type --in-place, too"),
        (["--name", "{steam}.{ext}", "a.png"], "allowed: {dir}, {stem}"),
        (["-", "a.png"], "stands alone"),
        (["-", "--out", "web"], "--out does not go with -"),
    ],
)
def test_a_wrong_option_is_answered_with_what_is_allowed(
    arguments: list[str], told: str, fx: Fx, here: Path
) -> None:
    (here / "text").write_text("text")
    (here / "a.png").write_bytes(b"")
    refused = fx("compress", *arguments)
    assert refused.returncode == 2
    assert told in refused.stderr
