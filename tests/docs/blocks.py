"""The blocks of the documentation, and those that are not run with the reason for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = {"sh", "python"}
ANSWERS = {"json", "text"}
# Neither run nor an answer: configuration and code of others. Tests with those programs name them.
SHOWN = {
    "caddy": "tests/api/test_proxies.py",
    "fish": "tests/client/command/test_completion.py",
    "js": "tests/docs/test_listen.py",
    "nginx": "tests/api/test_proxies.py",
    "toml": "tests/client/command/test_profile.py",
}
# By how a block begins.
NOT_RUN = {
    "make demo": "make their own environment, minutes; the second is what runs this",
    "fluximage up": "serves until it is stopped; tests/infra/commands/test_up.py",
    "fluximage watch": "serves until it is stopped; tests/client/command/test_watch.py",
    '{"mcpServers"': "the configuration of an agent; tests/client/command/test_mcp.py",
    "make calibrate": "minutes; tests/infra/benchmarks/test_codecs.py",
    "pip install": "loads packages; tests/client/test_install.py",
    "python3 -m venv": "loads packages; tests/infra/test_image.py installs by the same lock files",
    "export REDIS_URL=…": "names the operator's servers; tests/infra/commands",
    "docker build": "needs a container engine; `make test-image` builds it with buildah",
    "cat > .env": "needs Docker; tests/infra/test_compose.py",
    "docker compose": "needs Docker; not tried",
    '{\n  "Version"': "a policy of S3; tests/infra/test_minio.py",
    "export RCLONE_": "tests/infra/test_backup.py",
    "pg_": "tests/infra/test_backup.py",
    "make attack": "minutes; tests/infra/attacks",
    "make chaos": "minutes; tests/infra/chaos",
    "import os\nfrom http.server": "serves until it is stopped; tests/api/test_webhooks.py",
    '{"type": "batch.completed"': "what a webhook gets; tests/api/test_webhooks.py",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def excuse(self) -> str | None:
        """How the key of NOT_RUN begins that is this block's."""
        return next((start for start in NOT_RUN if self.text.startswith(start)), None)


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of the page, in order."""
    text = page.read_text()
    for found in re.finditer(r"(?ms)^ *```(\S*)\n(.*?)^ *```$", text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


@dataclass(frozen=True)
class Example:
    """A block that is run, and the answer that the page shows for it, if it does."""

    block: Block
    answer: Block | None


def examples(page: Path) -> Iterator[Example]:
    """What is run of the page, in order; an answer is the block right below."""
    found = list(blocks(page))
    for block, below in zip_longest(found, found[1:]):
        if block.language in RUN and not block.excuse:
            shown = below if below and below.language in ANSWERS and not below.excuse else None
            yield Example(block, shown)


def answers_of_nothing(page: Path) -> Iterator[Block]:
    """JSON that no example above it gives, and that is not excused."""
    above: Block | None = None
    for block in blocks(page):
        runs = above is not None and above.language in RUN and not above.excuse
        if block.language == "json" and not block.excuse and not runs:
            yield block
        above = block
