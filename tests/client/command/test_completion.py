"""`fluximage completion`: a real shell of each kind completes commands, options, values, files."""

import shutil
import subprocess
import sys
from pathlib import Path

import pexpect  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.client.command.conftest import Fx, environment

SETUP = {
    "bash": ("bash --norc --noprofile -i", 'eval "$(fluximage completion bash)"'),
    "zsh": ("zsh -f -i", 'autoload -Uz compinit; compinit -u; eval "$(fluximage completion zsh)"'),
}
TYPED = [
    ("fluximage ses", "sessions"),
    ("fluximage sessions dow", "download"),
    ("fluximage compress --max-w", "--max-width"),
    ("fluximage compress --format av", "avif"),
    ("fluximage compress pho", "photos/"),
    ("fluximage check --max-width 9 pho", "photos/"),
]


@pytest.fixture
def path(here: Path) -> str:
    """A PATH where the command is; a folder to complete."""
    (here / "photos").mkdir()
    (here / "bin").mkdir()
    command = here / "bin/fluximage"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fluximage.command.main "$@"\n')
    command.chmod(0o755)
    return f"{here / 'bin'}:/usr/local/bin:/usr/bin:/bin"


@pytest.mark.parametrize("shell", SETUP)
def test_a_shell_completes_what_is_typed(shell: str, path: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    start, setup = SETUP[shell]
    env = environment(PATH=path, TERM="xterm", PS1="ready> ", PROMPT="ready> ")
    with pexpect.spawn(start, env=env, encoding="utf-8", timeout=60, dimensions=(40, 200)) as child:
        child.sendline(setup)
        child.sendline("echo set''up")
        child.expect("setup\r")
        for typed, completed in TYPED:
            child.send(f"{typed}\t")
            child.expect_exact(completed.strip("/"))  # which zsh makes bold
            child.sendcontrol("u")


def test_fish_completes_what_is_typed(path: str) -> None:
    fish = shutil.which("fish")
    if not fish:
        pytest.skip("there is no fish")
    asked = "; ".join(f"complete -C '{typed}'" for typed, _ in TYPED)
    done = subprocess.run(
        [fish, "--no-config", "-c", f"fluximage completion fish | source; {asked}"],
        env=environment(PATH=path), capture_output=True, text=True,
    )  # fmt: skip
    told = {line.partition("\t")[0] for line in done.stdout.splitlines()}
    assert {completed for _, completed in TYPED} <= told, done.stdout + done.stderr


def test_a_shell_that_is_not_known_is_told(fx: Fx) -> None:
    assert "'bash', 'zsh', 'fish'" in fx("completion", "tcsh").stderr
