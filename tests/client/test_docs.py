"""The examples of docs/client.md run as they stand, in their order."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import fluximage
from tests.support.client import Client
from tests.support.making import png
from tests.support.paths import ROOT

DOCS = (ROOT / "docs/client.md").read_text()


def test_every_example_runs(client: Client, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in "ab":
        (tmp_path / f"photos/{name}.png").write_bytes(png())
    examples = re.findall(r"(?ms)^```python\n(.*?)^```", DOCS)
    said = [
        subprocess.run(
            (sys.executable, "-c", example),
            check=True,
            cwd=tmp_path,
            env=os.environ
            | {
                "FLUXIMAGE_URL": client.url,
                "FLUXIMAGE_API_KEY": client.key,
                "PYTHONPATH": str(ROOT / "infra/client"),
            },
            capture_output=True,
            text=True,
        ).stdout
        for example in examples
    ]
    assert said[0] == ""  # nothing failed
    assert {path.name for path in (tmp_path / "small").iterdir()} == {"a.avif", "b.avif"}
    assert said[1] == "['shoes/blue/01.png', 'shoes/red/01.png']\n"
    assert sorted(said[2].split()) == ["a.png", "b.png"]
    assert said[3] == "True ['a.png']\n"
    assert said[4] == "completed 1 None\n"
    assert said[5].startswith("agency ")
    assert said[6] == "404 not_found There is no such session\n"


def test_every_method_and_exception_is_in_the_docs() -> None:
    methods = {
        name
        for name, _ in inspect.getmembers(fluximage.Client, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    }
    assert methods <= set(re.findall(r"(\w+)\(", DOCS))
    tables = set(re.findall(r"(?m)^\| `(\w+)` \|", DOCS))
    kinds = set(re.findall(r"(?m)^ +(\w+) {2,}", fluximage.errors.__doc__ or ""))
    assert tables == kinds - {"ApiError"}


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"(?m)^( *)([A-Z]\w+)(?: {2,}|$)", fluximage.errors.__doc__ or "")
    assert [(len(indent) // 2, name) for indent, name in drawn] == list(_walk())


def _walk(
    kind: type[fluximage.FluximageError] = fluximage.FluximageError, depth: int = 0
) -> list[tuple[int, str]]:
    below = [each for each in kind.__subclasses__() if each.__module__ == "fluximage.errors"]
    return [(depth, kind.__name__), *(line for each in below for line in _walk(each, depth + 1))]
