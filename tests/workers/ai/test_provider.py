"""One question to the provider: its retries, deadlines, limits and secrets."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from email.utils import formatdate
from typing import Any

import pytest

from infra.dev.messages_api import Answer, MessagesApi
from shared import settings
from shared.errors import AiDeclinedError, AiLimitError, AiUnreachableError, DescriptionError
from shared.models import Tokens
from shared.services import Services
from tests.support.cases import every_case
from tests.workers.ai.conftest import SCHEMA, NewProvider, ask, coffee_jpeg, describe
from workers.ai.breaker import FAILURES_TO_OPEN
from workers.ai.provider import Provider, Reply


def gap(api: MessagesApi) -> float:
    """The seconds between the first two requests."""
    first, second = api.requests[:2]
    return second.at - first.at


def is_open(services: Services) -> bool:
    return bool(services.redis.exists("fluximage:ai:open"))


def test_a_reply_has_the_text_and_its_tokens(provider: Provider, api: MessagesApi) -> None:
    api.script.append(Answer(text='{"alt_text": "Tea"}', usage={"output_tokens": 9}))
    assert ask(provider) == Reply('{"alt_text": "Tea"}', Tokens(1_200, 0, 9))


def test_tokens_written_to_the_cache_are_input_and_those_read_from_it_are_cached(
    provider: Provider, api: MessagesApi
) -> None:
    usage = {"input_tokens": 1, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 300}
    api.script.append(Answer(usage=usage))
    assert ask(provider).tokens == Tokens(input=21, cached=300, output=40)


def test_a_request_carries_what_was_asked_and_what_is_configured(
    new_provider: NewProvider, api: MessagesApi
) -> None:
    ask(new_provider(FLUXIMAGE_AI_MODEL="claude-haiku-5-5", FLUXIMAGE_AI_MAX_TOKENS="77"))
    assert api.requests[0].body == {
        "model": "claude-haiku-5-5",
        "max_tokens": 77,
        "system": "Be request.",
        "messages": [{"role": "user", "content": "What is in the cup?"}],
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    }


@every_case(
    "failure",
    [
        *(Answer(status=status) for status in (408, 409, 429, 500, 503, 504, 529)),
        Answer(status=502, raw="<html>Bad gateway</html>", headers={"content-type": "text/html"}),
        Answer(cut="reset"),
        Answer(cut="half"),
        Answer(raw="<html>Bad gateway</html>", headers={"content-type": "text/html"}),
        Answer(raw='{"content": [{"type"'),
        Answer(raw='{"type": "message", "content": [], "stop_reason": "end_turn"}'),
    ],
)
def test_a_failure_that_passes_is_tried_again(
    provider: Provider, api: MessagesApi, failure: Answer
) -> None:
    api.requests.clear()
    api.script.append(failure)
    assert ask(provider).text == '{"alt_text": "A cup of coffee"}'
    assert len(api.requests) == 2


@every_case("status", [400, 413, 422])
def test_a_request_that_the_provider_rejects_is_made_once(
    provider: Provider, api: MessagesApi, status: int
) -> None:
    api.requests.clear()
    api.script.append(Answer(status=status))
    with pytest.raises(AiDeclinedError):
        ask(provider)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_failure_that_only_the_operator_can_correct_stops_all_calls(
    new_provider: NewProvider,
    api: MessagesApi,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    api.script.append(Answer(status=status))
    with pytest.raises(AiUnreachableError):
        ask(new_provider())
    with pytest.raises(AiUnreachableError):
        ask(new_provider())
    assert len(api.requests) == 1
    (logged,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert f"refuses this service: {status} " in logged.getMessage()


def test_a_budget_that_is_spent_at_the_provider_is_no_rate_to_wait_for(
    provider: Provider, api: MessagesApi, unit: Services
) -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    api.script.append(Answer(status=429, details=details))
    with pytest.raises(AiUnreachableError):
        ask(provider)
    assert is_open(unit)


def test_a_refusal_is_final_and_its_tokens_are_counted(
    provider: Provider, api: MessagesApi
) -> None:
    counted: list[Tokens] = []
    api.script.append(Answer(stop_reason="refusal", usage={"output_tokens": 3}))
    with pytest.raises(AiDeclinedError):
        ask(provider, on_tokens=counted.append)
    assert counted == [Tokens(1_200, 0, 3)]
    assert len(api.requests) == 1


def test_only_answered_calls_take_tokens(provider: Provider, api: MessagesApi) -> None:
    counted: list[Tokens] = []
    api.script += [Answer(status=529), Answer(cut="half"), Answer()]
    ask(provider, on_tokens=counted.append)
    assert counted == [Tokens(1_200, 0, 40)]


@pytest.mark.full
@every_case("status", [429, 503, 529])
def test_a_wait_in_seconds_that_the_provider_asks_for_is_kept(
    provider: Provider, api: MessagesApi, status: int
) -> None:
    api.requests.clear()
    api.script.append(Answer(status=status, headers={"retry-after": "1"}))
    ask(provider)  # by itself it would wait for half a second at the most
    assert gap(api) >= 1


def test_a_wait_in_milliseconds_goes_before_one_in_seconds(
    provider: Provider, api: MessagesApi
) -> None:
    headers = {"retry-after-ms": "1200", "retry-after": "20"}
    api.script.append(Answer(status=429, headers=headers))
    ask(provider)
    assert 1.2 <= gap(api) < 15


@pytest.mark.full
def test_a_wait_until_a_date_is_kept(provider: Provider, api: MessagesApi) -> None:
    until = time.time() + 3
    api.script.append(Answer(status=429, headers={"retry-after": formatdate(until, usegmt=True)}))
    ask(provider)
    assert time.time() >= int(until)


def test_a_wait_past_the_deadline_is_not_begun(provider: Provider, api: MessagesApi) -> None:
    api.script.append(Answer(status=429, headers={"retry-after": "60"}))
    begun = time.monotonic()
    with pytest.raises(AiUnreachableError):
        ask(provider, seconds=30)
    assert time.monotonic() - begun < 20


def test_tries_end_with_the_deadline(provider: Provider, api: MessagesApi) -> None:
    # Too fast, and not down: the breaker has no part in it.
    api.otherwise = lambda _: Answer(status=429)
    begun = time.monotonic()
    with pytest.raises(AiUnreachableError):
        ask(provider, seconds=3)
    assert time.monotonic() - begun < 10
    assert len(api.requests) >= 2


def test_nothing_is_sent_after_the_deadline(provider: Provider, api: MessagesApi) -> None:
    with pytest.raises(AiUnreachableError):
        ask(provider, seconds=-1)
    assert not api.requests


def test_a_call_that_takes_too_long_is_given_up_and_made_again(
    new_provider: NewProvider, api: MessagesApi
) -> None:
    api.script.append(Answer(delay_seconds=20))
    ask(new_provider(FLUXIMAGE_AI_TIMEOUT_SECONDS="1"))
    assert 1 <= gap(api) < 15


def test_a_call_has_no_more_time_than_is_left_before_the_deadline(
    provider: Provider, api: MessagesApi
) -> None:
    api.script.append(Answer(delay_seconds=18))
    begun = time.monotonic()
    with pytest.raises(AiUnreachableError):
        ask(provider, seconds=1)
    assert time.monotonic() - begun < 15


@pytest.mark.full
@every_case("status", [200, 500])
def test_a_body_that_drips_is_cut_at_the_deadline(
    provider: Provider, api: MessagesApi, status: int
) -> None:
    api.script.append(Answer(status=status, drip_seconds=0.2))
    begun = time.monotonic()
    with pytest.raises(AiUnreachableError):
        ask(provider, seconds=2)
    assert time.monotonic() - begun < 15


def test_a_picture_arrives_as_it_was_sent(provider: Provider, api: MessagesApi) -> None:
    jpeg = coffee_jpeg()
    describe(provider, jpeg)
    assert api.requests[0].images == [jpeg]


def test_as_many_threads_as_are_configured_call_at_once(
    new_provider: NewProvider, api: MessagesApi
) -> None:
    api.otherwise = lambda _: Answer(delay_seconds=2)
    provider = new_provider(FLUXIMAGE_AI_CONCURRENCY="40")
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda _: ask(provider), range(40)))
    assert api.most_in_flight == 40


def test_an_outage_that_one_process_saw_spares_another_its_calls(
    new_provider: NewProvider, api: MessagesApi
) -> None:
    first, second = new_provider(), new_provider()
    api.otherwise = lambda _: Answer(cut="reset")
    with ThreadPoolExecutor(FAILURES_TO_OPEN) as pool:
        for asked in [pool.submit(ask, first) for _ in range(FAILURES_TO_OPEN)]:
            assert isinstance(asked.exception(), AiUnreachableError)
    made = len(api.requests)
    with pytest.raises(AiUnreachableError):
        ask(second)
    assert len(api.requests) == made


def test_a_thread_that_waited_does_not_call_once_the_breaker_is_open(
    new_provider: NewProvider, api: MessagesApi, unit: Services
) -> None:
    def fail(_: Any) -> Answer:
        unit.redis.set("fluximage:ai:open", 1, ex=30)
        return Answer(status=429)

    api.otherwise = fail
    with pytest.raises(AiUnreachableError):
        ask(new_provider())
    assert len(api.requests) == 1


def test_an_answer_closes_the_breaker_after_its_pause(provider: Provider, unit: Services) -> None:
    unit.redis.set("fluximage:ai:openings", 1, ex=30)  # half-open
    ask(provider)
    ask(provider)
    assert not unit.redis.keys("fluximage:ai:open*")


@every_case("answer", [Answer(status=429), Answer(status=400)])
def test_a_provider_that_says_no_is_not_down(
    provider: Provider, api: MessagesApi, unit: Services, answer: Answer
) -> None:
    unit.redis.set("fluximage:ai:failures", FAILURES_TO_OPEN - 1)
    api.script.append(answer)
    with suppress(AiDeclinedError):
        ask(provider)
    assert not is_open(unit)
    assert not unit.redis.exists("fluximage:ai:failures")


def test_a_probe_does_not_wait_for_the_limits(
    new_provider: NewProvider, api: MessagesApi, unit: Services
) -> None:
    provider = new_provider(FLUXIMAGE_AI_CALLS_PER_MINUTE="1")
    ask(provider)
    unit.redis.set("fluximage:ai:openings", 1, ex=30)  # half-open
    ask(provider)
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    "setting", ["FLUXIMAGE_AI_CALLS_PER_MINUTE", "FLUXIMAGE_AI_ACCOUNT_CALLS_PER_MINUTE"]
)
def test_calls_past_the_minutes_limit_fail_where_there_is_no_time_to_wait(
    new_provider: NewProvider, api: MessagesApi, setting: str
) -> None:
    first, second = new_provider(**{setting: "2"}), new_provider(**{setting: "2"})
    ask(first)
    ask(second)
    with pytest.raises(AiLimitError):
        ask(first, seconds=20)
    assert len(api.requests) == 2


def test_a_call_past_the_limit_waits_where_there_is_time(
    new_provider: NewProvider, api: MessagesApi, unit: Services
) -> None:
    provider = new_provider(FLUXIMAGE_AI_ACCOUNT_CALLS_PER_MINUTE="1")
    ask(provider)
    (log,) = unit.redis.keys("fluximage:ai:calls:*")
    for call in unit.redis.zrange(log, 0, 0):
        unit.redis.zincrby(log, -58_000, str(call))  # as if made 58 seconds earlier
    ask(provider)
    assert gap(api) >= 1


def test_a_retry_counts_as_a_call(new_provider: NewProvider, api: MessagesApi) -> None:
    provider = new_provider(FLUXIMAGE_AI_CALLS_PER_MINUTE="1")
    api.script.append(Answer(status=500))
    with pytest.raises(AiLimitError):
        ask(provider, seconds=20)
    assert len(api.requests) == 1


def test_answers_come_while_redis_is_down(
    new_provider: NewProvider, api: MessagesApi, no_redis: str
) -> None:
    provider = new_provider(REDIS_URL=no_redis, FLUXIMAGE_AI_CALLS_PER_MINUTE="1")
    api.script.append(Answer(status=500))
    assert ask(provider).text
    assert len(api.requests) == 2


def test_without_a_key_nothing_is_sent(
    api: MessagesApi, new_provider: NewProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which the client would take from here by itself.
    monkeypatch.setenv("ANTHROPIC_API_KEY", api.key)
    with pytest.raises(AiUnreachableError):
        ask(new_provider(ANTHROPIC_API_KEY=""))
    assert not api.requests


@pytest.mark.parametrize(
    "answer",
    [Answer(), Answer(status=400), Answer(status=401), Answer(status=500), Answer(cut="reset")],
    ids=["answered", "400", "401", "500", "reset"],
)
def test_no_log_and_no_error_holds_the_key(
    new_provider: NewProvider,
    api: MessagesApi,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    if answer.status >= 400:  # a gateway that repeats the key it was sent
        answer = Answer(status=answer.status, raw=repeating(api.key))
    api.script.append(answer)
    said = ""
    try:
        ask(new_provider())
    except DescriptionError as error:
        said = error.message
        logging.getLogger(__name__).exception("as Celery logs it")
    assert len(caplog.records) > 3
    assert api.key not in caplog.text + said


def repeating(key: str) -> str:
    return f'{{"type": "error", "error": {{"type": "x", "message": "bad key {key}"}}}}'


def test_a_token_serves_where_there_is_no_key(
    unit_environment: Mapping[str, str], unit: Services, api: MessagesApi
) -> None:
    given = {"ANTHROPIC_AUTH_TOKEN": api.key, "ANTHROPIC_BASE_URL": api.url}
    loaded = settings.load({**unit_environment, **given})
    with closing(Provider(loaded, unit.redis)) as provider:
        ask(provider)
    assert api.requests[0].headers["authorization"] == f"Bearer {api.key}"
