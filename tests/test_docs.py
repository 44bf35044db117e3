"""Every code has a meaning; docs/api.md has every code, call and field; drawings and names in prose
are right."""

import ast
import re
from collections.abc import Iterator
from typing import TypeVar

from api.codes import IMAGE_CODES, REFUSALS, WARNINGS
from api.errors import STATUSES
from api.http_errors import CODES, SENTENCES
from infra.chaos.faults import FAULTS
from infra.dev import api_tables
from shared import errors
from shared.errors import DescriptionError, FluximageError, ImageError, WarningCode
from tests.support.paths import ROOT

SOURCES = [path for room in ("api", "shared", "workers") for path in (ROOT / room).rglob("*.py")]


Kind = TypeVar("Kind", bound=FluximageError)


def walk(kind: type[Kind], depth: int = 0) -> Iterator[tuple[int, type[Kind]]]:
    """Each class of the tree below `kind`, with its depth."""
    yield depth, kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:  # not one that a test made
            yield from walk(below, depth + 1)


def test_every_code_of_a_failed_image_has_a_meaning() -> None:
    codes = {kind.code for _, kind in walk(ImageError)}
    for path in SOURCES:  # and those of classes elsewhere, and those that a statement sets
        text = path.read_text()
        codes |= set(re.findall(r"error_code = '(\w+)'", text))
        if path != ROOT / "shared/errors.py":
            codes |= set(re.findall(r'(?m)^    code = "(\w+)"', text))
    assert "cancelled" in codes
    assert sorted(IMAGE_CODES) == sorted(codes)


def test_every_code_of_a_warning_has_a_meaning() -> None:
    assert sorted(WARNINGS) == sorted(WarningCode)
    assert {kind.code for _, kind in walk(DescriptionError)} <= set(WarningCode)


def test_no_warning_has_a_code_that_is_not_a_warning_code() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Notice":
                assert not isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}"


def test_every_error_of_a_request_has_a_meaning() -> None:
    assert SENTENCES.keys() == CODES.keys()
    ours = {
        (status, below.code)
        for kind, status in STATUSES.items()
        for _, below in walk(kind)
        if below is not errors.MemoryTakenError  # no request meets it
    }
    of_http = set(CODES.items())
    written = {(one.status, one.code) for one in REFUSALS}
    assert written == ours | of_http | {(422, "all_failed")}
    sentences = {one.error for one in REFUSALS}
    assert sentences >= set(SENTENCES.values())
    assert sentences >= {"Unauthorized", "Too many requests", "No image could be processed"}


def test_the_tables_of_the_api_are_made_from_the_code() -> None:
    written = api_tables.PAGE.read_text()
    assert written == api_tables.rewritten(written), "run `make api-tables`"


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
