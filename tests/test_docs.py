"""docs/api.md has every code, call and field of the API; drawings and names in prose are right."""

import ast
import re
from collections.abc import Iterator
from typing import TypeVar

from api.errors import CODE_AS_ERROR, STATUSES
from api.fields import SPELLINGS
from api.http_errors import CODES, SENTENCES
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
        if path != ROOT / "shared/errors.py":
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
    rows = [tuple(cell.strip("`") for cell in row[:3]) for row in table("### Request errors")]
    assert SENTENCES.keys() == CODES.keys()
    for status, sentence in SENTENCES.items():
        assert (str(status), CODES[status], sentence) in rows
    ours = {
        (str(status), below.code)
        for kind, status in STATUSES.items()
        for _, below in walk(kind)
        if below is not errors.MemoryTakenError  # no request meets it
    }
    written = {(status, code) for status, code, _ in rows}
    assert written == ours | {(str(s), code) for s, code in CODES.items()} | {("422", "all_failed")}
    for kind in CODE_AS_ERROR:
        assert (str(STATUSES[kind]), kind.code, kind.code) in rows
    for published in ("Unauthorized", "Too many requests", "No image could be processed"):
        assert published in {error for _, _, error in rows}


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
        elif status := re.search(r"\b(\d{3}) (\w+)", said):
            mapped = next(STATUSES[above] for above in kind.__mro__ if above in STATUSES)
            assert status.groups() == (str(mapped), kind.code)
        else:
            assert kind not in STATUSES
