"""docs/command-line.md names every exit status."""

import re

from fluximage.command.exits import Exit
from tests.support.paths import ROOT


def test_every_exit_status_is_in_the_docs() -> None:
    page = (ROOT / "docs/command-line.md").read_text()
    rows = re.findall(r"(?m)^\| (\d+) \|", page)
    assert [int(row) for row in rows] == [int(one) for one in Exit]
