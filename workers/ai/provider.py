"""The calls to the model: the Messages API by its own client, with our retries in our time."""

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
_CONNECT_SECONDS = 5.0  # the client's own; a host that does not answer by then is down
# The key (401, 403), the bill (402) or the model's name (404): the operator's to mend, and
# met by every call. https://platform.claude.com/docs/en/api/errors
_OPERATORS = frozenset({401, 402, 403, 404})
# What a request may do again though it is a 4xx: it came too slowly, or met another.
_PASSING = frozenset({408, 409})


@dataclass(frozen=True)
class Reply:
    """What the model wrote. truncated: it was not done when it reached its limit of tokens."""

    text: str
    tokens: Tokens
    truncated: bool


class _Block(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class _Message(BaseModel):
    """What we read of an answer. The client itself takes any JSON at all for a message."""

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
    """The one client of a process; any number of its threads may ask at once.

    Build it after a fork: connections do not survive one.
    """

    def __init__(self, settings: Settings, client: redis.Redis) -> None:
        """Nothing is connected before the first call. client: one that decodes responses."""
        self._settings = settings
        # A call takes a connection, its timeout, and at most as long again for its last read.
        longest = _CONNECT_SECONDS + 2 * settings.ai_timeout_seconds
        self._breaker = Breaker(client, probe_seconds=longest)
        self._limits = Limits(
            client,
            calls=settings.ai_calls_per_minute,
            account_calls=settings.ai_account_calls_per_minute,
        )
        self._anthropic = settings.ai and Anthropic(
            api_key=_revealed(settings.anthropic_api_key),
            auth_token=_revealed(settings.anthropic_auth_token),
            base_url=settings.anthropic_base_url,
            max_retries=0,  # ours know the deadline, the breaker and the limits
            http_client=http_client(settings.ai_concurrency),
        )

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
        """The model's answer to `messages`, JSON text that fits `schema` unless truncated.

        account_id: whose calls this counts among. deadline: of `time.monotonic`; no wait or call
        is begun that would pass it, and a call that hangs outlasts it by one read, which is as
        long as was left when the call began. on_tokens: told what each answered call took, a
        refusal's too, before this returns or raises.

        Raises AiDeclinedError when the model refuses or the request is no use to the provider,
        AiLimitError when the calls a minute leave no room before the deadline, and
        AiUnreachableError when there is no answer by then.
        """
        attempt = 0
        while True:
            self._await_turn(account_id, deadline)
            headers = {}
            try:
                message = self._call(deadline, system, messages, schema)
            except APIStatusError as error:
                self._judge(error)
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
        _left(deadline)  # before the breaker: a probe that is not made keeps all others waiting
        # Again after every wait: the breaker may have opened meanwhile. A probe does not wait
        # for the limits: while it did nobody could call, and there is one in half a minute.
        while not self._breaker.check() and (seconds := self._limits.take(account_id)):
            if seconds > _SHORT_WAIT_SECONDS:  # else one account at its limit holds every thread
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
        seconds = min(self._settings.ai_timeout_seconds, _left(deadline))
        answer = self._anthropic.messages.with_raw_response.create(
            model=self._settings.ai_model,
            max_tokens=self._settings.ai_max_tokens,
            system=system,
            messages=messages,
            output_config={"format": {"type": "json_schema", "schema": schema}},
            timeout=Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        )
        return _Message.model_validate_json(answer.read())

    def _judge(self, error: APIStatusError) -> None:
        """Tells the breaker, and returns where another try can help; raises where it cannot."""
        status = error.status_code
        # Their message stays out of the log: it may repeat what was sent, a key among it.
        told = (status, error.type, error.error_code, error.request_id)
        if status in _OPERATORS or _is_spent(error):
            logger.error("the AI provider refuses this service: %s %s %s (%s)", *told)
            self._breaker.trip()
            raise AiUnreachableError(UNREACHABLE) from None
        logger.warning("a call to the AI provider failed: %s %s %s (%s)", *told)
        if status >= 500 or status in _PASSING:
            self._breaker.failed()
            return
        # Whoever says that we are too fast (429), or that this request is wrong, is there.
        self._breaker.succeeded()
        if status != 429:
            raise AiDeclinedError(_DECLINED) from None


def _revealed(secret: SecretStr | None) -> str | None:
    # A file's newline would break the header.
    return secret.get_secret_value().strip() if secret else None


def _is_spent(error: APIStatusError) -> bool:
    """Whether the operator's budget at the provider is used up: a 429 that no waiting mends.

    https://platform.claude.com/docs/en/api/rate-limits
    """
    return (error.error_code or "").endswith("spend_limit_reached")


def _reply(message: _Message) -> Reply:
    if message.stop_reason == "refusal":
        raise AiDeclinedError(_DECLINED)
    return Reply(message.text, message.tokens, truncated=message.stop_reason == "max_tokens")


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise AiUnreachableError(UNREACHABLE)
    return seconds


def _pause(seconds: float, deadline: float, too_late: Exception) -> None:
    if time.monotonic() + seconds >= deadline:
        raise too_late
    time.sleep(seconds)
