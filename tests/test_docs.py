"""docs/api.md has every code, call and field of the API; drawings and names in prose are right."""

import ast
import re
from collections.abc import Iterator
from typing import TypeVar

from api.errors import CODES, STATUSES
from api.fields import SPELLINGS
from api.http_errors import SENTENCES
from infra.chaos.faults import FAULTS
from shared import errors
from shared.errors import DescriptionError, FluximageError, ImageError, WarningCode
from tests.api.calls import CALLS
from tests.support.paths import ROOT

API = (ROOT / "docs/api.md").read_text()
SOURCES = [path for room in ("api", "shared", "workers") for path in (ROOT / room).rglob("*.py")]


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of docs/api.md, each a list of cells."""
    _, _, below = API.partition(f"{heading}\n")
    rows = re.search(r"(?m)^\|.*\n\|[-|]+\n((?:\|.*\n?)+)", below)
    assert rows, heading
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def first_cells(heading: str) -> list[str]:
    return [row[0].strip("`") for row in table(heading)]


Kind = TypeVar("Kind", bound=FluximageError)


def walk(kind: type[Kind], depth: int = 0) -> Iterator[tuple[int, type[Kind]]]:
    """Each class of the tree below `kind`, with its depth."""
    yield depth, kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:  # not one that a test made
            yield from walk(below, depth + 1)


def test_every_code_of_a_failed_image_is_in_the_docs() -> None:
    codes = {kind.code for _, kind in walk(ImageError)}
    for path in SOURCES:  # and those of classes elsewhere, and those that a statement sets
        text = path.read_text()
        codes |= set(re.findall(r"error_code = '(\w+)'", text))
        codes |= set(re.findall(r'(?m)^    code = "(\w+)"', text))
    assert "cancelled" in codes
    assert sorted(first_cells("### Images that failed")) == sorted(codes)


def test_every_code_of_a_warning_is_in_the_docs() -> None:
    assert sorted(first_cells("### Warnings")) == sorted(WarningCode)
    assert {kind.code for _, kind in walk(DescriptionError)} <= set(WarningCode)


def test_no_warning_has_a_code_that_is_not_a_warning_code() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Notice":
                assert not isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"


def test_every_error_of_a_request_is_in_the_docs() -> None:
    rows = [(row[0], row[1].strip("`")) for row in table("### Request errors")]
    statuses = {str(status) for status in (*STATUSES.values(), *SENTENCES)}
    assert {status for status, _ in rows} == statuses
    for status, sentence in SENTENCES.items():
        assert (str(status), sentence) in rows
    for kind, code in CODES.items():
        assert (str(STATUSES[kind]), code) in rows
    for published in ("Unauthorized", "Too many requests", "No image could be processed"):
        assert published in {error for _, error in rows}


def test_every_field_is_in_the_docs() -> None:
    documented = {
        name for row in table("## POST /api/compress") for name in re.findall(r"`(\w+)`", row[0])
    }
    snake = {name for name in SPELLINGS if "_" in name}
    assert documented == SPELLINGS.keys() - snake


def test_every_call_is_in_the_docs() -> None:
    assert sorted(first_cells("# The HTTP API")) == sorted(map(str, CALLS))


def test_every_test_and_fault_that_prose_names_exists() -> None:
    prose = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", *SOURCES]
    files = list((ROOT / "tests").rglob("*.py"))
    names = {path.stem for path in files}
    for path in files:
        names |= set(re.findall(r"def (test_\w+)", path.read_text()))
    for path in prose:
        text = path.read_text()
        assert set(re.findall(r"\btest_\w+", text)) <= names, path
        assert set(re.findall(r"chaos `(\w+)`", text)) <= FAULTS.keys(), path
        for named in re.findall(r"\btests/[\w/.]*\w", text):
            assert (ROOT / named).exists(), f"{path}: {named}"


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"(?m)^( *)(\w+Error)\b *(.*)$", errors.__doc__ or "")
    kinds = list(walk(FluximageError))
    assert [(len(indent) // 2, name) for indent, name, _ in drawn] == [
        (depth, kind.__name__) for depth, kind in kinds
    ]
    for (_, kind), (_, _, said) in zip(kinds, drawn, strict=True):
        if issubclass(kind, ImageError | DescriptionError):
            assert said.split()[-1] == kind.code
        elif kind in STATUSES:
            assert re.findall(r"\b\d{3}\b", said) == [str(STATUSES[kind])]
            assert CODES.get(kind, "") in said
