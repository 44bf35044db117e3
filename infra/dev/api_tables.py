"""Writes the tables of docs/api.md anew, made from the calls, fields and codes themselves.

After a change of a route, of api/fields.py or of api/codes.py: `make api-tables`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from flask import Flask

from api.codes import IMAGE_CODES, REFUSALS, WARNINGS, Meaning
from api.fields import FIELDS
from api.openapi.document import calls, summary
from api.parameters import FileField, Parameter
from api.routes import BLUEPRINTS
from shared.errors import WarningCode

PAGE = Path(__file__).parents[2] / "docs/api.md"
Row = tuple[str, ...]


def rewritten(page: str) -> str:
    """Returns the page with the first table below each of these headings as the code says it."""
    tables: dict[str, Iterator[Row]] = {
        "## Calls": _calls(),
        "### Fields": _fields(),
        "### Request errors": _refusals(),
        "### Images that failed": _codes(IMAGE_CODES),
        "### Warnings": _codes(WARNINGS),
    }
    for heading, rows in tables.items():
        before, found, below = page.partition(f"{heading}\n")
        if not found:
            raise LookupError(f"docs/api.md has no heading {heading}")
        lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
        head, rule, rest = re.split(r"(?m)^(\|[-|]+\n)", below, maxsplit=1)
        page = before + found + head + rule + lines + re.sub(r"(?m)\A(\|.*\n)*", "", rest)
    return page


def _calls() -> Iterator[Row]:
    app = Flask("calls", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for method, path, view, _ in calls(app):
        yield f"`{method.upper()} {path}`", _inside(summary(view))


def _fields() -> Iterator[Row]:
    for field in FIELDS:
        also = "".join(f" (also `{name}`)" for name in field.also)
        yield f"`{field.name}`{also}", field.allowed, _default(field), field.sentence


def _default(field: Parameter[object]) -> str:
    if isinstance(field, FileField) and field.required:
        return "required"
    if field.default in (None, "", ()):
        return "none"
    shown = str(field.default)
    return f"`{shown.lower() if isinstance(field.default, bool) else shown}`"


def _refusals() -> Iterator[Row]:
    for one in REFUSALS:
        yield str(one.status), f"`{one.code}`", one.description, one.advice


def _codes(codes: Mapping[WarningCode, Meaning] | Mapping[str, Meaning]) -> Iterator[Row]:
    for code, one in codes.items():
        yield f"`{code}`", one.meaning, one.advice


def _inside(sentence: str) -> str:
    """A sentence as the text of a cell."""
    return f"{sentence[0].lower()}{sentence[1:].removesuffix('.')}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
