"""The schemas of the bodies, from their types in shared/bodies.py."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import TypeAdapter

from api.codes import IMAGE_CODES, REFUSALS, WARNINGS, Meaning
from api.parameters import JsonSchema

_REF = "#/components/schemas/"


def schemas(types: Iterable[Any]) -> tuple[dict[Any, JsonSchema], dict[str, JsonSchema]]:
    """Returns the schema of each type, and the named ones that these refer to."""
    mode: Literal["serialization"] = "serialization"
    adapters = [(type_, mode, TypeAdapter(type_)) for type_ in dict.fromkeys(types)]
    found, rest = TypeAdapter.json_schemas(adapters, ref_template=f"{_REF}{{model}}")
    named = {name: _without_titles(schema) for name, schema in rest.get("$defs", {}).items()}
    _add_codes(named)
    return {type_: _without_titles(schema) for (type_, _), schema in found.items()}, named


def _without_titles(schema: Any) -> Any:
    """The schema without pydantic's titles, which only repeat the names."""
    if isinstance(schema, list):
        return [_without_titles(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: _without_titles(one) for name, one in value.items()}
        if key == "properties"
        else _without_titles(value)
        for key, value in schema.items()
        if key != "title"
    }


def _add_codes(named: dict[str, JsonSchema]) -> None:
    """Adds every code, with its meaning, where it stands in an answer."""
    codes = dict.fromkeys(refusal.code for refusal in REFUSALS)
    named["Error"]["properties"]["code"]["enum"] = list(codes)
    for owner, field, meanings in (
        ("FailedImage", "error", IMAGE_CODES),
        ("Warning", "code", WARNINGS),
    ):
        schema = named[owner]["properties"][field]
        schema["enum"] = [str(code) for code in meanings]
        schema["description"] += _listed(meanings)


def _listed(meanings: Mapping[Any, Meaning]) -> str:
    lines = [
        f"\n- `{code}`: {one.meaning}. {one.advice[0].upper()}{one.advice[1:]}."
        for code, one in meanings.items()
    ]
    return "\n" + "".join(lines)
