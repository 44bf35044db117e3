"""The calls to the model: the Messages API by its own client, with retries up to a deadline."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
from anthropic import Anthropic, APIConnectionError, APIStatusError, Timeout
from anthropic.types import MessageParam, TextBlockParam
from pydantic import BaseModel, SecretStr, ValidationError

from shared.errors import AiDeclinedError, AiLimitError, AiUnreachableError
from shared.models import Tokens
from shared.settings import Settings
from workers.ai.backoff import seconds_before
from workers.ai.breaker import UNREACHABLE, Breaker
from workers.ai.connection import http_client
from workers.ai.limits import Limits

logger = logging.getLogger(__name__)

_DECLINED = "The AI provider declined to describe this image"
_LIMIT = "Too many images wait for AI"

_SHORT_WAIT_SECONDS = 2.0
_CONNECT_SECONDS = 5.0  # the default of the provider's client
# The key (401, 403), the bill (402) or the model's name (404): every call would fail until the
# operator corrects it. https://platform.claude.com/docs/en/api/errors
_OPERATOR_STATUSES = frozenset({401, 402, 403, 404})
# The 4xx after which the same request may succeed: it timed out, or conflicted with another.
_RETRIED_STATUSES = frozenset({408, 409})


@dataclass(frozen=True)
class Reply:
    """The model's text, and the tokens of the call."""

    text: str
    tokens: Tokens


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Message(BaseModel):
    """The fields of a response that are read; the provider's client itself accepts any JSON."""

    content: list[_Block]
    stop_reason: str
    usage: _Usage

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.content if block.type == "text")

    @property
    def tokens(self) -> Tokens:
        usage = self.usage
        return Tokens(
            input=usage.input_tokens + (usage.cache_creation_input_tokens or 0),
            cached=usage.cache_read_input_tokens or 0,
            output=usage.output_tokens,
        )


class Provider:
    """The client of a process; any number of its threads may call it at once.

    Build it after a fork: connections do not survive one.
    """

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        """Connects at the first call. client: one that decodes responses."""
        self._settings = settings
        # A call takes a connect, its timeout, and at most the same time again for its last read.
        longest_call_seconds = _CONNECT_SECONDS + 2 * settings.ai_timeout_seconds
        self._breaker = Breaker(client, probe_seconds=longest_call_seconds)
        self._limits = Limits(
            client,
            calls=settings.ai_calls_per_minute,
            account_calls=settings.ai_account_calls_per_minute,
        )
        self._anthropic = _client(settings) if settings.ai else None

    def close(self) -> None:
        """Closes every connection."""
        if self._anthropic:
            self._anthropic.close()

    def ask(
        self,
        account_id: int,
        deadline: float,
        system: str | list[TextBlockParam],
        messages: list[MessageParam],
        schema: dict[str, object],
        on_tokens: Callable[[Tokens], None],
    ) -> Reply:
        """Returns the reply: JSON that fits `schema`, unless cut off at its limit of tokens.

        account_id: the account whose limit this counts against. deadline: in the time of
        `time.monotonic`. No wait or call starts after it. A call that hangs may exceed it, at most
        by the time that was left when the call started. on_tokens: called with the tokens of each
        answered call, also of a refusal, before this returns or raises.

        Raises AiDeclinedError where the model refuses or the provider rejects the request,
        AiLimitError where the limit per minute allows no call before the deadline, and
        AiUnreachableError where there is no answer by then.
        """
        attempt = 0
        while True:
            self._await_turn(account_id, deadline)
            headers = {}
            try:
                message = self._call(deadline, system, messages, schema)
            except APIStatusError as error:
                self._check_status(error)
                headers = dict(error.response.headers)
            except (APIConnectionError, ValidationError) as error:
                logger.warning("a call to the AI provider failed: %s", type(error).__name__)
                self._breaker.failed()
            else:
                self._breaker.succeeded()
                on_tokens(message.tokens)
                return _reply(message)
            _pause(seconds_before(attempt, headers), deadline, AiUnreachableError(UNREACHABLE))
            attempt += 1

    def _await_turn(self, account_id: int, deadline: float) -> None:
        _seconds_left(deadline)  # before the breaker: a probe that is not made blocks all calls
        # The breaker is checked after every wait, since it may have opened meanwhile. A probe does
        # not wait for the limits: all other calls would wait for it.
        while not self._breaker.check() and (seconds := self._limits.take(account_id)):
            if seconds > _SHORT_WAIT_SECONDS:  # else one account would occupy every thread
                raise AiLimitError(_LIMIT, seconds)
            _pause(seconds, deadline, AiLimitError(_LIMIT, seconds))

    def _call(
        self,
        deadline: float,
        system: str | list[TextBlockParam],
        messages: list[MessageParam],
        schema: dict[str, object],
    ) -> _Message:
        if not self._anthropic:
            raise AiUnreachableError(UNREACHABLE)
        seconds = min(self._settings.ai_timeout_seconds, _seconds_left(deadline))
        answer = self._anthropic.messages.with_raw_response.create(
            model=self._settings.ai_model,
            max_tokens=self._settings.ai_max_tokens,
            system=system,
            messages=messages,
            output_config={"format": {"type": "json_schema", "schema": schema}},
            timeout=Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        )
        return _Message.model_validate_json(answer.read())

    def _check_status(self, error: APIStatusError) -> None:
        """Notes the failure in the breaker; returns where a retry may help, otherwise raises."""
        status = error.status_code
        # The provider's message is not logged: it may repeat the request, with a key in it.
        details = (status, error.type, error.error_code, error.request_id)
        if status in _OPERATOR_STATUSES or _is_spent(error):
            logger.error("the AI provider refuses this service: %s %s %s (%s)", *details)
            self._breaker.trip()
            raise AiUnreachableError(UNREACHABLE) from None
        logger.warning("a call to the AI provider failed: %s %s %s (%s)", *details)
        if status >= 500 or status in _RETRIED_STATUSES:
            self._breaker.failed()
            return
        # A provider that refuses a rate (429) or a request is reachable.
        self._breaker.succeeded()
        if status != 429:
            raise AiDeclinedError(_DECLINED) from None


def _client(settings: Settings) -> Anthropic:
    return Anthropic(
        api_key=_revealed(settings.anthropic_api_key),
        auth_token=_revealed(settings.anthropic_auth_token),
        base_url=settings.anthropic_base_url,
        max_retries=0,  # our own retries obey the deadline, the breaker and the limits
        http_client=http_client(settings.ai_concurrency),
    )


def _revealed(secret: SecretStr | None) -> str | None:
    # A secret read from a file may end with a newline, which a header must not have.
    return secret.get_secret_value().strip() if secret else None


def _is_spent(error: APIStatusError) -> bool:
    """Whether the operator's budget at the provider is used up: a 429 that lasts.

    https://platform.claude.com/docs/en/api/rate-limits
    """
    return (error.error_code or "").endswith("spend_limit_reached")


def _reply(message: _Message) -> Reply:
    if message.stop_reason == "refusal":
        raise AiDeclinedError(_DECLINED)
    return Reply(message.text, message.tokens)


def _seconds_left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise AiUnreachableError(UNREACHABLE)
    return seconds


def _pause(seconds: float, deadline: float, too_late: Exception) -> None:
    if time.monotonic() + seconds >= deadline:
        raise too_late
    time.sleep(seconds)
