"""docs/client.md and the tree of errors name what the client has."""

import inspect
import re

import fluximage
from tests.support.paths import ROOT

DOCS = (ROOT / "docs/client.md").read_text()


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
