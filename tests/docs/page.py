"""Runs the examples of one page, one after the other in one folder, as a reader would.

A block of JSON or text right below an example is its answer. JSON needs the same keys and kinds of
values; `…` stands for more of them. Each line of a text needs a line that was printed; a number
stands for any number, `…` for any text. `# exits with 1` says how an example ends.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.blocks import Example
from tests.support.making import png
from tests.support.paths import ROOT

SECONDS = 120
# Variables of one block are known in the next, as in the reader's terminal.
_SHELL = """set -ea
[ -f "$HOME/variables" ] && . "$HOME/variables"
trap 'status=$?; export -p >"$HOME/variables"; exit $status' EXIT
{text}"""
_HTTP_ERROR = 22  # curl's exit status for an answer of 400 and above


@dataclass(frozen=True)
class Reader:
    """Who follows a page: a folder with photographs, and what the placeholders stand for."""

    folder: Path
    placeholders: Mapping[str, str]
    environment: dict[str, str]

    def prepare(self) -> None:
        """Lays out the folder, and a home whose curl fails on an error."""
        for name in ("photos/01.jpg", "photos/red/01.jpg", "photos/drafts/02.jpg"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "tests/samples/rocket.jpg", self.folder / name)
        for name in ("IMG_0001.JPG", "IMG_0002.JPG", "logo.png"):
            (self.folder / name).write_bytes(png(60, 40))
        home = self.folder / ".home"
        (home / "bin").mkdir(parents=True)
        (home / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
        command = home / "bin/fluximage"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m infra.commands.main "$@"\n')
        command.chmod(0o755)

    def follow(self, example: Example) -> None:
        """Runs it, and compares what it says with the page."""
        text = self._filled(example.block.text)
        if example.block.language == "python":
            text = f"exec '{sys.executable}' - <<'PYTHON'\n{text}PYTHON\n"
        home = self.folder / ".home"
        command = ["bash", "-c", _SHELL.replace("{text}", text)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ
            | {
                "HOME": str(home),
                "XDG_CONFIG_HOME": str(home / ".config"),
                "PATH": f"{home}/bin:{os.environ['PATH']}",
                "PYTHONPATH": f"{ROOT}:{ROOT / 'infra/client'}",
            }
            | self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        told = f"{example.block.place}\n{text}\n{done.stdout}\n{done.stderr}"
        answer = example.answer
        assert done.returncode == status(example), told
        if answer is None:
            return
        if answer.language == "json":
            faults = differences(shown(answer.text), json.loads(done.stdout))
        else:
            faults = missing(self._filled(answer.text), done.stdout + done.stderr)
        assert not faults, f"{answer.place}: {faults}\n{told}"

    def _filled(self, text: str) -> str:
        for placeholder, value in self.placeholders.items():
            text = text.replace(placeholder, value)
        return text


def status(example: Example) -> int:
    """How the example ends: as its comment says, or by the error that is its answer, or well."""
    if said := re.search(r"# exits with (\d+)", example.block.text):
        return int(said[1])
    answer = example.answer
    refused = answer is not None and answer.language == "json" and '"code":' in answer.text
    return _HTTP_ERROR if refused else 0


def shown(text: str) -> Any:
    """The JSON of a page, in which `, …` before a closing bracket stands for more of the like."""
    return json.loads(re.sub(r", …(?=\s*})", ', "…": null', re.sub(r", …(?=\s*\])", "", text)))


def differences(said: Any, real: Any, path: str = "") -> list[str]:
    """Where the page has another key, or another kind of value (null is any kind)."""
    if said is None or real is None:
        return []
    if isinstance(said, dict) and isinstance(real, dict):
        wrong = said.keys() - real.keys() - {"…"}
        if "…" not in said:
            wrong |= real.keys() - said.keys()
        both = said.keys() & real.keys()
        below = [
            fault for key in both for fault in differences(said[key], real[key], f"{path}.{key}")
        ]
        return [*(f"{path}.{key}" for key in sorted(wrong)), *below]
    if isinstance(said, list) and isinstance(real, list):
        if said and not real:
            return [f"{path}[] is empty"]
        return differences(said[0], real[0], f"{path}[]") if said else []
    numbers = isinstance(said, int | float) and isinstance(real, int | float)
    return [] if numbers or type(said) is type(real) else [f"{path} is {type(real).__name__}"]


def missing(said: str, real: str) -> list[str]:
    """Lines of the page that were not printed; a number stands for any, `…` for any text."""
    kept = []
    for line in filter(None, map(str.strip, said.splitlines())):
        parts = re.split(r"(…|[\d.,:]*\d|\s+)", line)
        patterns = [
            ".*" if part == "…" else r"\s+" if part.isspace() else
            r"[\d.,:]+" if re.search(r"\d", part) and index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        ]  # fmt: skip
        if not re.search(rf"(?m)^\s*{''.join(patterns)}\s*$", real):
            kept.append(line)
    return kept
