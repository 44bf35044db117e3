"""The stand-in for the Messages API refuses what the real one would refuse."""

import base64
from typing import Any

import httpx

from infra.dev.messages_api import MessagesApi
from tests.support.making import png
from tests.workers.ai.conftest import SCHEMA


def image(data: str, kind: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": kind, "data": data}
    return {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}


def wanting(schema: dict[str, Any]) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def post(
    api: MessagesApi, headers: dict[str, str] | None = None, path: str = "/v1/messages", **body: Any
) -> httpx.Response:
    """Sends a valid request with these changes; None leaves a field out."""
    sent = {"x-api-key": api.key, "anthropic-version": "2023-06-01"} | (headers or {})
    usual = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
    whole = {**usual, **wanting(SCHEMA), **body}
    known = {name: value for name, value in whole.items() if value is not None}
    return httpx.post(api.url + path, headers=sent, json=known)


TYPED: dict[str, Any] = {"alt_text": {"type": "string", "maxLength": 9}}
REQUESTS: list[tuple[int, dict[str, Any]]] = [
    (200, {}),
    (401, {"headers": {"x-api-key": "another"}}),
    (400, {"headers": {"anthropic-version": ""}}),
    (404, {"path": "/v1/complete"}),
    (404, {"model": "unknown"}),
    (400, {"model": None}),
    (400, {"max_tokens": 0}),
    (400, {"messages": []}),
    (400, {"output_config": None}),
    (400, {"temprature": 1}),
    (400, wanting({**SCHEMA, "additionalProperties": True})),
    (400, wanting({**SCHEMA, "properties": TYPED})),
    (200, image(base64.b64encode(png()).decode(), "image/png")),
    (400, image(base64.b64encode(png()).decode(), "image/jpeg")),
    (400, image(base64.b64encode(b"GIF89a").decode(), "image/gif")),
    (400, image("no base64!", "image/png")),
]


def test_a_request_gets_the_status_that_it_would_get() -> None:
    with MessagesApi(model="m") as api:
        for status, change in REQUESTS:
            answer = post(api, **change)
            assert answer.status_code == status, change
            assert answer.headers["request-id"].startswith("req_"), change
            assert (answer.json()["type"] == "error") == (status != 200), change
