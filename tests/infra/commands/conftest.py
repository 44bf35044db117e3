"""The command line, called in this process."""

import os
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from infra.commands.main import main

OURS = ("REDIS_URL", "DATABASE_URL", "S3_", "FLUXIMAGE_")
RunHere = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunHere:
    """Runs a command that ends by itself: without a second for imports, as a process would need."""

    def run(*arguments: object, **environment: str) -> "CompletedProcess[str]":
        with monkeypatch.context() as here:
            for name in [name for name in os.environ if name.startswith(OURS)]:
                here.delenv(name)
            for name, value in environment.items():
                here.setenv(name, value)
            here.setattr("sys.argv", ["fluximage", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                main()
        told = capsys.readouterr()
        return CompletedProcess([], int(ended.value.code or 0), told.out, told.err)

    return run
