"""GET /openapi.json says what the code does, all of it and nothing else; GET /docs shows it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.codes import IMAGE_CODES, REFUSALS, WARNINGS
from api.fields import SPELLINGS
from api.openapi.document import document
from tests.api.calls import CALLS, OPEN, app_of_blueprints
from tests.support.cases import every_case
from tests.support.client import Client, get
from tests.support.making import png

DOCUMENT = document(app_of_blueprints())
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
ASYNC = {"Prefer": "respond-async"}


def everything(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for below in value:
            yield from everything(below)


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the document stands for."""
    for step in value.get("$ref", "#").split("/")[1:]:
        value = value[step] if step in value else DOCUMENT[step]
    return value


def faults(schema: dict[str, Any], value: object, **components: Any) -> list[str]:
    """What is wrong with a value by a schema of the document."""
    whole = schema | {"components": DOCUMENT["components"] | components}
    checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in checker.iter_errors(value)]


def test_the_document_is_openapi_3_1() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_it_has_every_call_and_no_other() -> None:
    calls = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(call)) for call in CALLS}
    assert set(OPERATIONS) == calls


def test_it_says_which_calls_need_a_key() -> None:
    without = {call for call, operation in OPERATIONS.items() if not operation["security"]}
    assert without == {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call) for call in OPEN}


def test_it_has_every_field_in_every_spelling_and_no_other() -> None:
    body = OPERATIONS["POST /api/compress"]["requestBody"]["content"]["multipart/form-data"]
    written = {
        spelling: name
        for name, field in body["schema"]["properties"].items()
        for spelling in (name, *field.get("x-aliases", ()))
    }
    assert written == SPELLINGS


def test_it_has_every_code_of_an_image_and_of_a_warning_and_no_other() -> None:
    assert SCHEMAS["FailedImage"]["properties"]["error"]["enum"] == list(IMAGE_CODES)
    assert SCHEMAS["Warning"]["properties"]["code"]["enum"] == list(WARNINGS)


def test_every_code_of_a_request_is_in_a_response_with_its_status() -> None:
    common = DOCUMENT["components"]["responses"]["AnyCall"]["description"]
    documented = set(re.findall(r"(?m)^- `(\w+)`", common))
    for operation in OPERATIONS.values():
        for status, response in operation["responses"].items():
            codes = re.findall(r"(?m)^- `(\w+)`", response.get("description", ""))
            documented |= set(codes)
            assert {(int(status), code) for code in codes} <= {
                (one.status, one.code) for one in REFUSALS
            }
    assert documented == {one.code for one in REFUSALS} - {"all_failed"}  # which is a batch
    assert set(SCHEMAS["Error"]["properties"]["code"]["enum"]) == {one.code for one in REFUSALS}


def test_every_example_fits_its_schema() -> None:
    count = 0
    for one in everything([DOCUMENT["paths"], DOCUMENT["webhooks"]]):
        schema = one.get("schema") if "schema" in one else one
        assert schema is not None
        examples = [one["example"]] if "schema" in one and "example" in one else []
        if isinstance(one.get("examples"), list):
            examples += one["examples"]
        elif "schema" in one:
            examples += [resolved(example)["value"] for example in one.get("examples", {}).values()]
        for example in examples:
            count += 1
            assert faults(schema, example) == [], example
    assert count > 100


def test_every_call_has_an_example_of_each_answer_in_json() -> None:
    for call, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            content = resolved(response).get("content", {}).get("application/json")
            if content and call != "GET /openapi.json":
                assert content.get("example") or content.get("examples"), (call, status)


def closed(schema: Any) -> Any:
    """The schema without room for a field that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    more = {"additionalProperties": False} if "properties" in schema else {}
    return {key: closed(value) for key, value in schema.items()} | more


def check(call: str, response: httpx.Response) -> None:
    """A real answer has every field that the document promises, and no other."""
    documented = OPERATIONS[call]["responses"][str(response.status_code)]
    schema = documented["content"]["application/json"]["schema"]
    assert faults(schema, response.json(), schemas=closed(SCHEMAS)) == []
    for name in documented["headers"]:
        if name != "Preference-Applied":
            assert name in response.headers, name


def test_real_answers_have_the_fields_of_the_document_and_no_others(client: Client) -> None:
    files = [("a.png", png()), ("b.txt", b"no image")]
    fields = {"sessionId": "s", "unknown": "1"}
    session = "/api/sessions/s"
    check("POST /api/compress", client.compress(files, fields))
    check("GET /api/sessions/{session_id}", client.call("GET", session))
    check("POST /api/compress", client.compress(files[1:]))
    check("POST /api/compress", client.compress(files[:1], headers=ASYNC))
    check("POST /api/compress", client.compress([]))
    check("DELETE /api/sessions/{session_id}", client.call("DELETE", session))
    check("GET /api/sessions/{session_id}", client.call("GET", "/api/sessions/none"))
    check("GET /api/account", client.call("GET", "/api/account"))
    check("GET /api/usage", client.call("GET", "/api/usage"))
    check("GET /api/usage", get(f"{client.url}/api/usage"))
    check("GET /health/live", client.call("GET", "/health/live"))
    check("GET /health/ready", client.call("GET", "/health/ready"))
    check("POST /api/keys/roll", client.call("POST", "/api/keys/roll"))


def test_the_service_serves_the_document_and_says_when_it_is_unchanged(service_url: str) -> None:
    first = get(f"{service_url}/openapi.json")
    assert first.json() == DOCUMENT
    again = get(f"{service_url}/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_loads_files_of_this_service_alone_and_has_no_inline_script(
    service_url: str,
) -> None:
    page = get(f"{service_url}/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text)
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(wanted) == 5
    for path in wanted:
        assert path.startswith("/")
        file = get(f"{service_url}{path}")
        assert file.status_code == 200
        same = get(f"{service_url}{path}", headers={"If-None-Match": file.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")


@every_case("name", ["index.html", "..%2fdocument.py", "%2e%2e", "swagger-ui.js", "LICENSE"])
def test_the_page_has_no_file_that_is_not_listed(service_url: str, name: str) -> None:
    assert get(f"{service_url}/docs/{name}").status_code == 404
