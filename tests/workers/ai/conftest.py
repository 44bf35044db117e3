"""Providers over a Messages API of the tests' own, and over the run's real Redis."""

import base64
import io
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from PIL import Image

from infra.dev.messages_api import MessagesApi
from shared import services, settings
from shared.models import Tokens
from shared.services import Services
from tests.support.paths import SAMPLES
from workers.ai.provider import Provider, Reply

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"alt_text": {"type": "string"}},
    "required": ["alt_text"],
    "additionalProperties": False,
}
NewProvider = Callable[..., Provider]


def ask(
    provider: Provider,
    content: str | list[Any] = "What is in the cup?",
    *,
    seconds: float = 30.0,
    on_tokens: Callable[[Tokens], None] = lambda _: None,
) -> Reply:
    """Account 1's question; `seconds` until its deadline."""
    return provider.ask(
        1,
        time.monotonic() + seconds,
        "Be request.",
        [{"role": "user", "content": content}],
        SCHEMA,
        on_tokens,
    )


def coffee_jpeg() -> bytes:
    """The photograph of a cup of coffee as a preview would be."""
    file = io.BytesIO()
    with Image.open(SAMPLES / "coffee.png") as photograph:
        photograph.thumbnail((768, 768))
        photograph.save(file, "JPEG")
    return file.getvalue()


def describe(provider: Provider, jpeg: bytes) -> Reply:
    """The alt text for a picture, with the usual deadline."""
    source = {
        "type": "base64",
        "media_type": "image/jpeg",
        "data": base64.b64encode(jpeg).decode(),
    }
    words = "Write an alt text in English for this picture."
    return ask(provider, [{"type": "image", "source": source}, {"type": "text", "text": words}])


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A Messages API that answers well until a test changes that."""
    with MessagesApi() as running:
        yield running
        assert not running.faults


@pytest.fixture
def new_provider(
    api: MessagesApi,
    unit_environment: Mapping[str, str],
    unit: Services,  # noqa: ARG001 - empties Redis
) -> Iterator[NewProvider]:
    """Makes providers as separate processes would, each with its own Redis client.

    Keywords are settings, by the environment's names. Redis holds nothing at first.
    """
    with ExitStack() as stack:

        def make(**more: str) -> Provider:
            loaded = settings.load({**unit_environment, **api.environment, **more})
            client = services.redis_client(loaded)
            stack.callback(client.close)
            provider = Provider(loaded, client)
            stack.callback(provider.close)
            return provider

        yield make


@pytest.fixture
def provider(new_provider: NewProvider) -> Provider:
    """One with the settings as they come."""
    return new_provider()


@pytest.fixture
def no_redis() -> Iterator[str]:
    """The URL of a Redis that is down; no other program can listen there meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
