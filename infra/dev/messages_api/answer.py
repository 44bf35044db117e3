"""Answers of the Messages API, and what can happen to them on the way.

The shapes are those of https://platform.claude.com/docs/en/api/messages and .../api/errors.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from infra.dev.messages_api.request import Request

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_USAGE = {
    "input_tokens": 1_200,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 40,
}


@dataclass(frozen=True)
class Answer:
    """The answer to a request; without arguments a success, whose text fits the schema.

    text: the message's text, in place of a fitting one. usage: where it differs from a usual
    call's. details: those of an error. raw: a body that is not a message. delay_seconds: before
    the answer. drip_seconds: before each byte of the body. cut: `reset` ends the connection
    before the answer, `half` in the middle of its body.
    """

    text: str | None = None
    stop_reason: str = "end_turn"
    usage: Mapping[str, int] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] | None = None
    raw: str | None = None
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0
    cut: Literal["reset", "half"] | None = None

    def body(self, request: Request, message: str) -> str:
        """The body that is sent. `message` is the text of an error."""
        request_id = f"req_{uuid4().hex[:24]}"
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            error: dict[str, Any] = {
                "type": _ERRORS.get(
                    self.status, "api_error" if self.status >= 500 else _ERRORS[400]
                ),
                "message": message,
            }
            if self.details:
                error["details"] = self.details
            return json.dumps({"type": "error", "error": error, "request_id": request_id})
        return json.dumps(
            {
                "id": f"msg_{uuid4().hex[:24]}",
                "type": "message",
                "role": "assistant",
                "model": request.body["model"],
                "content": self._content(request),
                "stop_reason": self.stop_reason,
                "stop_sequence": None,
                "usage": {**_USAGE, "service_tier": "standard", **self.usage},
            }
        )

    def _content(self, request: Request) -> list[dict[str, str]]:
        if self.text is None and self.stop_reason == "refusal":
            return []
        text = json.dumps(fitting(request.schema)) if self.text is None else self.text
        if self.text is None and self.stop_reason == "max_tokens":
            text = text[: len(text) // 2]
        return [{"type": "text", "text": text}]


def fitting(schema: Mapping[str, Any]) -> Any:
    """A value that fits a JSON schema of the kinds the API takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return fitting(schema["anyOf"][0])
    kind = schema["type"]
    if kind == "object":
        return {name: fitting(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [fitting(schema["items"])]
    return {"string": "A cup of coffee", "boolean": True, "null": None}.get(kind, 1)
