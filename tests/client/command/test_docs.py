"""docs/command-line.md: every example runs as it stands, and statuses are as in the code."""

import re
import subprocess
import sys
from pathlib import Path

from fluximage.command.exits import Exit
from infra.dev.messages_api import MessagesApi
from tests.client.command.conftest import environment
from tests.support.client import Client
from tests.support.making import png, saying
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/command-line.md").read_text()
PROGRAM = f'fluximage() {{ "{sys.executable}" -m fluximage.command.main "$@"; }}; '


def test_every_example_of_the_command_runs(account: Client, model: MessagesApi, here: Path) -> None:
    assert account.key
    model.otherwise = lambda _: saying("Eine rote Fläche", "rote-flaeche")
    (here / "photos/drafts").mkdir(parents=True)
    for name in ("01.jpg", "drafts/02.jpg"):
        (here / "photos" / name).write_bytes(png(60, 40))
    lines = re.findall(r"(?m)^fluximage (?:compress|sessions|usage|doctor|check)\b.*$", PAGE)
    assert len(lines) == 24
    for line in lines:
        command = ["bash", "-c", PROGRAM + line]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    made = [path.relative_to(here).as_posix() for path in here.rglob("*.webp")]
    assert {"web/01.webp", "recent/01.webp", "texts/rote-flaeche.webp", "01.webp"} <= set(made)
    assert "recent/drafts/02.webp" not in made


def test_every_exit_status_is_in_the_docs() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \|", PAGE)
    assert [int(row) for row in rows] == [int(one) for one in Exit]
