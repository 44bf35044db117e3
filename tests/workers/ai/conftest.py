"""Providers over a Messages API of the tests' own, and over the run's real Redis."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from shared import services, settings
from shared.models import Tokens
from shared.services import Services
from tests.support.messages_api import MessagesApi
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
    *,
    account_id: int = 1,
    seconds: float = 30.0,
    on_tokens: Callable[[Tokens], None] = lambda _: None,
) -> Reply:
    """One question without a picture; `seconds` until its deadline."""
    return provider.ask(
        account_id,
        time.monotonic() + seconds,
        "Be brief.",
        [{"role": "user", "content": "What is in the cup?"}],
        SCHEMA,
        on_tokens,
    )


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A Messages API that answers well until it is told otherwise."""
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
    """The URL of a Redis that is away; nobody else can listen there meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
