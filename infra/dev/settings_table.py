"""Prints docs/settings.md, made from the settings themselves.

After a change of shared/settings.py, `make settings` writes the page again.
"""

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from shared.environment import FILE_SUFFIX
from shared.settings import Settings, secrets

_HEAD = """\
# Settings

All settings are environment variables. An empty value counts as unset. Every fault is reported
before anything starts, all faults together. A name that is nearly a setting's is refused; other
names are left alone, among them what Kubernetes sets for a Service called `fluximage`.

A secret may stand in a file, as Docker and Kubernetes mount it: its `…_FILE` names the file. Line
breaks at the end of the file are left out. To set both names is a fault.

This page is made from `shared/settings.py` by `make settings`.

| name | default | allowed | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page, in Markdown."""
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in _rows())


def _rows() -> Iterator[tuple[str, str, str, str]]:
    schema = Settings.model_json_schema()
    for field in Settings.model_fields.values():
        name = str(field.validation_alias)
        allowed = _allowed(schema["properties"][name], schema["$defs"])
        also = f" or `{name}{FILE_SUFFIX}`" if name in secrets() else ""
        yield f"`{name}`{also}", _default(field), allowed, field.description or ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return f"`{field.default}`" if field.default not in (None, "", (), frozenset()) else "unset"


def _allowed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The values that a field takes, by its JSON schema; empty for any text."""
    if "$ref" in schema:
        choices = definitions[schema["$ref"].rpartition("/")[2]]["enum"]
        return ", ".join(f"`{choice}`" for choice in choices)
    for one in schema.get("anyOf", [schema]):
        if "maximum" in one:
            return f"{one['minimum']} to {one['maximum']}"
        if "minimum" in one:
            return f"{one['minimum']} or more"
    return ""


if __name__ == "__main__":
    print(page(), end="")
