"""The command line, called in this process or as one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fluximage.command.main import main
from tests.support.client import Client
from tests.support.paths import ROOT

Fx = Callable[..., "CompletedProcess[str]"]
VARIABLES = (
    *("FLUXIMAGE_URL", "FLUXIMAGE_API_KEY", "FLUXIMAGE_PROFILE", "NO_COLOR", "TERM"),
    *("COLUMNS", "LINES"),  # which pytest -n sets
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, of a person without settings."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def account(here: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The environment names the running service and a new account's key."""
    assert here.is_dir()
    monkeypatch.setenv("FLUXIMAGE_URL", client.url)
    monkeypatch.setenv("FLUXIMAGE_API_KEY", client.key)
    return client


@pytest.fixture
def fx(here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Fx:
    """Runs a command that ends by itself: without the time that a process needs to start."""
    assert here.is_dir()

    def run(*arguments: object) -> "CompletedProcess[str]":
        monkeypatch.setattr("sys.argv", ["fluximage", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return CompletedProcess([], int(ended.value.code or 0), told.out, told.err)

    return run


def argv(*arguments: object) -> list[str]:
    """The command as a process."""
    return [sys.executable, "-m", "fluximage.command.main", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Its environment: as here, from this checkout."""
    return os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'infra/client'}"} | more


def process(*arguments: object, **more: str) -> "subprocess.Popen[str]":
    """The command, started, with pipes for its three streams."""
    pipe = subprocess.PIPE
    env = environment(**more)
    return subprocess.Popen(
        argv(*arguments), env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def used(account: Client) -> int:
    """The images that the account has paid."""
    return int(account.call("GET", "/api/usage").json()["compressor_used"])
