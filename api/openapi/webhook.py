"""What the document says of the call that the service makes itself: a webhook's."""

from collections.abc import Mapping
from typing import Any

from api.openapi import examples
from api.parameters import JsonSchema
from shared import bodies

_ABOUT = """\
Is sent to the `webhookUrl` of a batch when the batch has closed, and signed as Standard Webhooks \
say, with the secret that `POST /api/webhooks/secret` makes. What is not answered with a 2xx is \
sent again after 5 s, 30 s, 2 min, 10 min and 1 h, then hourly until 24 h have passed. No redirect \
is followed.\
"""
_HEADERS = {
    "webhook-id": (
        "The event's id, the same at each attempt.",
        "3f0c1a52-7d5e-4c3a-9f6e-2b8d1e4a7c90",
    ),
    "webhook-timestamp": ("When this attempt was made: seconds since 1970.", "1777629600"),
    "webhook-signature": (
        "`v1,` and a signature for each valid secret, divided by spaces.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
}
_RESPONSES = {
    "2XX": {"description": "The receiver has taken the call."},
    "410": {"description": "The receiver wants no further attempt."},
    "default": {"description": "The call is made again later."},
}


def webhooks(schemas: Mapping[Any, JsonSchema]) -> dict[str, Any]:
    """Returns the `webhooks` of the document. schemas: of the types of bodies."""
    content = {"schema": schemas[bodies.WebhookEvent], "example": examples.WEBHOOK_EVENT}
    operation = {
        "operationId": "batchClosed",
        "tags": ["images"],
        "summary": "A batch has closed.",
        "description": _ABOUT,
        "security": [],
        "parameters": [_header(name, *said) for name, said in _HEADERS.items()],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": _RESPONSES,
    }
    return {"batch": {"post": operation}}


def _header(name: str, sentence: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "examples": [example]}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": sentence,
        "schema": schema,
    }
