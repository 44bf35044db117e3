"""The document: from the application's routes, their declarations and docstrings."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

from flask import Flask

from api.caller import needs_key
from api.codes import REFUSALS, Refusal
from api.openapi.declare import (
    ALLOW,
    AUTHENTICATE,
    REQUEST_ID,
    RETRY_AFTER,
    SENT_REQUEST_ID,
    Answer,
    Call,
    Header,
    Tag,
    declaration,
)
from api.openapi.schemas import schemas
from api.openapi.webhook import webhooks
from api.parameters import FileField, JsonSchema, Parameter
from shared import bodies
from shared.errors import TooManyRequestsError, UnauthorizedError, UnavailableError

# What any call may be answered with: found by the server, before the call is known.
_ANY_CALL = (400, 404, 405, 414, 417, 431, 501)
_WITH_KEY = (UnauthorizedError, TooManyRequestsError, UnavailableError)

_ABOUT = """\
Compresses images, at volume. Send a batch to `POST /api/compress`; its results come in the answer,
or, with `Prefer: respond-async`, in its session.

Every error is JSON with `error`, a sentence, and `code`, a word for programs.\
"""


def document(app: Flask) -> dict[str, Any]:
    """Returns the OpenAPI document of the application's calls, as JSON values."""
    found = list(calls(app))
    answers = [answer for *_, call in found for answer in call.answers.values()]
    types = [type_ for answer in answers for type_ in (answer.body, *answer.carries) if type_]
    bodies_, named = schemas([*types, bodies.Error, bodies.WebhookEvent])
    paths: dict[str, dict[str, Any]] = {}
    for method, path, view, call in found:
        paths.setdefault(path, {})[method] = _operation(view, call, bodies_)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fluximage",
            "version": metadata.version("fluximage"),
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag.name.lower(), "description": tag.value} for tag in Tag],
        "paths": paths,
        "webhooks": webhooks(bodies_),
        "components": {
            "schemas": named,
            "responses": {
                "AnyCall": _refused([one for one in REFUSALS if one.source in _ANY_CALL])
            },
            "examples": {name: {"value": one.body} for name, one in _EXAMPLES.items()},
            "headers": {"RequestId": _header(REQUEST_ID)},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `flx_live_` and 40 hexadecimal digits.",
                }
            },
        },
    }


def summary(view: Any) -> str:
    """Returns what a call does: the first sentence of its view's docstring."""
    return _sentences(view)[0]


def calls(app: Flask) -> Iterator[tuple[str, str, Any, Call]]:
    """Returns each call of the application: its method, path, view and declaration."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            yield method.lower(), path, view, declaration(view)


def _sentences(view: Any) -> tuple[str, str]:
    """The docstring's first sentence, and the rest of it."""
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(view) or "")
    first, _, rest = re.sub(r"(?<=[.])\s", "\n", text, count=1).partition("\n")
    return first, rest.strip()


def _operation(view: Any, call: Call, bodies_: Mapping[Any, JsonSchema]) -> dict[str, Any]:
    first, rest = _sentences(view)
    operation: dict[str, Any] = {
        "operationId": call.operation,
        "tags": [call.tag.name.lower()],
        "summary": first,
        "description": rest,
        "security": [{"key": []}] if needs_key(view) else [],
        "parameters": [
            _parameter(parameter, place)
            for place, parameters in (
                ("path", call.path),
                ("query", call.query),
                ("header", (*call.headers, SENT_REQUEST_ID)),
            )
            for parameter in parameters
        ],
        "responses": _responses(view, call, bodies_),
    }
    if call.form:
        operation["requestBody"] = _form(call.form)
    return {name: value for name, value in operation.items() if value != ""}


def _responses(view: Any, call: Call, bodies_: Mapping[Any, JsonSchema]) -> dict[str, Any]:
    responses = {
        str(status): _answer(answer, bodies_) for status, answer in sorted(call.answers.items())
    }
    kinds = (*call.refusals, *(_WITH_KEY if needs_key(view) else ()), 500)
    refusals = [one for one in REFUSALS if one.source in kinds]
    for status in sorted({one.status for one in refusals}):
        refused = _refused([one for one in refusals if one.status == status])
        responses[str(status)] = _either(responses.get(str(status)), refused)
    responses["default"] = {"$ref": "#/components/responses/AnyCall"}
    return responses


def _either(one: dict[str, Any] | None, other: dict[str, Any]) -> dict[str, Any]:
    """One response that stands for both, where an answer and a refusal share a status."""
    if one is None:
        return other
    first, second = (each["content"]["application/json"] for each in (one, other))
    examples = {"answer": {"value": first["example"]}} | second["examples"]
    schema = {"anyOf": [first["schema"], second["schema"]]}
    return {
        "description": f"{one['description']}\n\n{other['description']}",
        "headers": one["headers"] | other["headers"],
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _answer(answer: Answer, bodies_: Mapping[Any, JsonSchema]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": answer.sentence,
        "headers": _headers(answer.headers),
    }
    if answer.body:
        content: dict[str, Any] = {"schema": bodies_[answer.body]}
        if answer.example is not None:
            content["example"] = answer.example
        response["content"] = {answer.media_type: content}
    return response


def _refused(refusals: Sequence[Refusal]) -> dict[str, Any]:
    """The response of one status, or of several: each of its codes, and what to do about it."""
    lines = [f"- `{one.code}`: {one.description}. What to do: {one.advice}." for one in refusals]
    statuses = {one.status for one in refusals}
    headers = [RETRY_AFTER] if statuses & {429, 503} else []
    headers += [AUTHENTICATE] if 401 in statuses else []
    headers += [ALLOW] if 405 in statuses else []
    examples = {
        name: {"$ref": f"#/components/examples/{name}"}
        for name, one in _EXAMPLES.items()
        if one in refusals
    }
    schema = {"$ref": "#/components/schemas/Error"}
    return {
        "description": "\n".join(lines),
        "headers": _headers(headers),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _named() -> dict[str, Refusal]:
    """Each refusal under its code, and a number where several share one."""
    found: dict[str, Refusal] = {}
    for refusal in REFUSALS:
        others = sum(one.code == refusal.code for one in found.values())
        found[f"{refusal.code}_{others + 1}" if others else refusal.code] = refusal
    return found


_EXAMPLES = _named()


def _headers(headers: Iterable[Header]) -> dict[str, Any]:
    shared = {REQUEST_ID.name: {"$ref": "#/components/headers/RequestId"}}
    return {header.name: _header(header) for header in headers} | shared


def _header(header: Header) -> dict[str, Any]:
    return {
        "description": header.sentence,
        "schema": {"type": header.type},
        "example": header.example,
    }


def _parameter(parameter: Parameter[Any], place: str) -> dict[str, Any]:
    example = {"examples": [_example(parameter, parameter.schema)]}
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": parameter.sentence,
        # Not beside the schema: Swagger UI would send it where the reader writes nothing.
        "schema": parameter.schema | _default(parameter) | example,
    }


def _form(fields: Sequence[Parameter[Any]]) -> dict[str, Any]:
    files = [field for field in fields if isinstance(field, FileField)]
    schema = {
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [field.name for field in files if field.required],
    }
    content = {
        "schema": schema,
        "encoding": {field.name: {"contentType": ", ".join(field.media_types)} for field in files},
        "example": {field.name: _example(field, field.schema) for field in fields},
    }
    return {"required": True, "content": {"multipart/form-data": content}}


def _property(field: Parameter[Any]) -> JsonSchema:
    others = field.spellings[1:]
    also = f" Also accepted as {' or '.join(f'`{name}`' for name in others)}." if others else ""
    return {
        **field.schema,
        # Swagger UI fills its form with the example, before the default.
        **(_default(field) or {"examples": [_example(field, field.schema)]}),
        "description": f"{field.sentence} Allowed: {field.allowed}.{also}",
        **({"x-aliases": list(others)} if others else {}),
    }


def _default(parameter: Parameter[Any]) -> JsonSchema:
    default = parameter.default
    if default in (None, ()):
        return {}
    return {"default": str(default) if parameter.schema["type"] == "string" else default}


def _example(parameter: Parameter[Any], schema: JsonSchema) -> Any:
    """The parameter's example as the JSON value that its schema describes."""
    text = parameter.example
    if schema["type"] == "integer":
        return int(text)
    if schema["type"] == "array":
        return [text]
    return text == "true" if schema["type"] == "boolean" else text
