"""A request to the Messages API, and the checks that the API makes."""

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from PIL import Image

_KNOWN = {
    *("model", "max_tokens", "messages", "system", "output_config", "metadata", "temperature"),
    *("stop_sequences", "thinking", "service_tier", "cache_control"),
}
_IMAGES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
# What structured outputs do not enforce, so that the API refuses it:
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs
_UNENFORCED = {"minLength", "maxLength", "minimum", "maximum", "multipleOf", "maxItems"}


class FaultyRequestError(Exception):
    """What is wrong with a request, and the status of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Request:
    """One request as received. at: by `time.monotonic`. headers: with lower-case names."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @cached_property
    def body(self) -> Any:
        """The JSON body; raises FaultyRequestError when it is not JSON."""
        try:
            return json.loads(self.raw)
        except ValueError:
            raise FaultyRequestError(400, "The request body is not valid JSON") from None

    @property
    def schema(self) -> Any:
        """The JSON schema that the answer must fit."""
        return self.body["output_config"]["format"]["schema"]

    @property
    def images(self) -> list[bytes]:
        """The bytes of every image that was sent."""
        return [
            base64.b64decode(block["source"]["data"])
            for message in self.body["messages"]
            for block in message["content"]
            if isinstance(block, dict) and block["type"] == "image"
        ]


def check(request: Request, key: str, model: str | None) -> None:
    """Raises FaultyRequestError for the first fault. model: None allows any."""
    _check_head(request, key)
    body = request.body
    _require(isinstance(body, dict), "body: not an object")
    _require(body.keys() <= _KNOWN, f"{sorted(body.keys() - _KNOWN)}: extra inputs")
    _require(isinstance(body.get("model"), str), "model: field required")
    if model not in (None, body["model"]):
        raise FaultyRequestError(404, f"model: {body['model']}")
    _require(isinstance(body.get("max_tokens"), int), "max_tokens: field required")
    _require(body["max_tokens"] > 0, "max_tokens: must be greater than 0")
    messages = body.get("messages")
    _require(isinstance(messages, list) and bool(messages), "messages: at least one is required")
    for message in messages:
        _require(message.get("role") in ("user", "assistant"), "messages: unexpected role")
        _check_content(message.get("content"))
    if "system" in body:
        _check_content(body["system"])
    wanted = body.get("output_config", {}).get("format", {})
    _require(wanted.get("type") == "json_schema", "output_config.format: a json_schema is wanted")
    _check_schema(wanted.get("schema"))


def _check_head(request: Request, key: str) -> None:
    if request.path.partition("?")[0] != "/v1/messages":
        raise FaultyRequestError(404, "Not found")
    if request.method != "POST":
        raise FaultyRequestError(405, "Method not allowed")
    given = request.headers.get("x-api-key")
    # The API accepts either header; its own clients send the second one since version 2.
    if key not in (given, request.headers.get("authorization", "").removeprefix("Bearer ")):
        raise FaultyRequestError(401, "invalid x-api-key")
    version = request.headers.get("anthropic-version", "")
    _require(bool(re.fullmatch(r"\d{4}-\d\d-\d\d", version)), "anthropic-version: header required")
    kind = request.headers.get("content-type", "")
    _require(kind.startswith("application/json"), "content-type: must be application/json")


def _check_content(content: Any) -> None:
    if isinstance(content, str):
        return _require(bool(content), "content: text must be non-empty")
    _require(isinstance(content, list) and bool(content), "content: field required")
    for block in content:
        if block.get("type") == "text":
            _require(bool(block.get("text")), "content: text blocks must be non-empty")
        elif block.get("type") == "image":
            _check_image(block.get("source", {}))
        else:
            raise FaultyRequestError(400, "content: unexpected type of block")
    return None


def _check_image(source: Mapping[str, str]) -> None:
    _require(source.get("type") == "base64", "image.source: only base64 here")
    kind = _IMAGES.get(source.get("media_type", ""))
    try:
        data = base64.b64decode(source.get("data", ""), validate=True)
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            _require(image.format == kind, "image.source: not of its media_type")
            _require(max(image.size) <= 8_000, "image.source: at most 8000 pixels a side")
    except (binascii.Error, OSError) as error:
        raise FaultyRequestError(400, f"Could not process image: {error}") from error


def _check_schema(schema: Any) -> None:
    _require(isinstance(schema, dict), "output_config.format.schema: not an object")
    refused = schema.keys() & _UNENFORCED
    _require(not refused, f"output_config.format.schema: {sorted(refused)} not supported")
    if schema.get("type") == "object":
        sealed = schema.get("additionalProperties") is False
        _require(sealed, "output_config.format.schema: additionalProperties must be false")
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    if "items" in schema:
        parts.append(schema["items"])
    for part in parts:
        _check_schema(part)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise FaultyRequestError(400, message)
