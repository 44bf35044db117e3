"""The second step, from the preview to the row, asking a Messages API on the loopback."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import LiteralString
from uuid import UUID

import pytest
from PIL import Image

from infra.dev.messages_api import Answer, MessagesApi
from shared.clients.object_store import inputs_prefix, original_key, watermark_key
from shared.db import ai_usage, credits, images, views
from shared.db.accounts import Account
from shared.db.database import Database
from shared.db.views import EndedImage
from shared.imagetype import ImageType
from shared.models import Claim, DescriptionRequest, Options, Result, Tokens, Watermark
from shared.services import Services
from tests.support.making import BOTH_TEXTS, accept, asking, make_account, make_batch, png, saying
from tests.support.memory_store import MemoryStore, with_memory_store
from tests.support.paths import SAMPLES
from workers import steps
from workers.ai.provider import Provider

COFFEE = (SAMPLES / "coffee.png").read_bytes()


@pytest.fixture
def model() -> Iterator[MessagesApi]:
    with MessagesApi() as running:
        yield running


@dataclass(frozen=True)
class Waiting:
    """An image that waits to be described."""

    account: Account
    batch_id: UUID
    image_id: UUID

    def ended(self, services: Services) -> EndedImage:
        (image,) = views.view_batch(services.database, self.account.id, self.batch_id).images
        return image


def optimised(
    services: Services, options: Options = BOTH_TEXTS, account: Account | None = None
) -> Waiting:
    account = account or make_account(services)[0]
    batch = make_batch(services, account, ["IMG_1.png"], data=COFFEE, options=options)
    (image_id,) = accept(services, batch)
    steps.optimise(services, image_id)
    return Waiting(account, batch.id, image_id)


def describe(services: Services, model: MessagesApi, image: Waiting, **settings: object) -> None:
    """One run of the step with these settings."""
    changed = replace(services, settings=asking(services.settings, model, **settings))
    with closing(Provider(changed.settings, services.redis)) as provider:
        steps.describe(changed, provider, image.image_id)


def described(
    services: Services, model: MessagesApi, options: Options = BOTH_TEXTS, **settings: object
) -> EndedImage:
    """What an image becomes that is optimised and described."""
    image = optimised(services, options)
    describe(services, model, image, **settings)
    return image.ended(services)


def test_an_image_gets_its_text_and_its_name_in_one_call(
    unit: Services, model: MessagesApi
) -> None:
    model.script.append(saying("Coffee in a white cup on a dark table", "white-coffee-cup"))
    image = described(unit, model)
    assert image.alt_text == "Coffee in a white cup on a dark table"
    assert image.file_name == "white-coffee-cup.webp"
    assert len(model.requests) == 1


def test_without_autorename_an_image_keeps_its_own_name(unit: Services, model: MessagesApi) -> None:
    only_text = Options(
        ImageType.WEBP, description_request=DescriptionRequest(alt_text=True, file_name=False)
    )
    model.script.append(Answer(json.dumps({"alt_text": "Coffee in a white cup"})))
    image = described(unit, model, only_text)
    assert (image.alt_text, image.file_name) == ("Coffee in a white cup", "IMG_1.webp")


def test_an_answer_that_fails_the_checks_is_asked_for_once_more(
    unit: Services, model: MessagesApi
) -> None:
    model.script += [saying("See https://example.com", "a-cup"), saying("Coffee", "a-cup")]
    assert described(unit, model).alt_text == "Coffee"
    assert len(model.requests) == 2


def test_of_a_good_and_a_bad_text_the_good_one_is_kept_and_the_credit_is_back(
    unit: Services, model: MessagesApi
) -> None:
    model.otherwise = lambda _: saying("Coffee in a white cup", "///")
    waiting = optimised(unit)
    describe(unit, model, waiting)
    image = waiting.ended(unit)
    assert (image.alt_text, image.file_name) == ("Coffee in a white cup", "IMG_1.webp")
    assert [notice.code for notice in image.notices] == ["ai_answer"]
    assert credits.balance(unit.database, waiting.account.id).ai_used == 0
    assert len(model.requests) == 2


def test_a_refused_picture_is_delivered_with_a_warning(unit: Services, model: MessagesApi) -> None:
    model.script.append(Answer(stop_reason="refusal"))
    image = described(unit, model)
    assert image.output_key is not None
    assert [notice.code for notice in image.notices] == ["ai_declined"]
    assert len(model.requests) == 1


def test_a_provider_that_stays_down_costs_the_image_its_text_alone(
    unit: Services, model: MessagesApi
) -> None:
    model.otherwise = lambda _: Answer(status=503)
    image = described(unit, model, ai_budget_seconds=1)
    assert image.output_key is not None
    assert [notice.code for notice in image.notices] == ["ai_unavailable"]


def test_the_tokens_of_every_call_are_noted(unit: Services, model: MessagesApi) -> None:
    model.script += [saying("", "a-cup"), saying("Coffee", "a-cup")]
    described(unit, model)
    assert ai_usage.spent(unit.database) == ai_usage.Spent(2, Tokens(2_400, 0, 80))


def test_an_account_that_spent_its_tokens_of_today_asks_nothing(
    unit: Services, model: MessagesApi
) -> None:
    image = optimised(unit)
    ai_usage.record(unit.database, image.account.id, image.image_id, Tokens(100, 0, 0))
    describe(unit, model, image, ai_account_tokens_per_day=100)
    assert [notice.code for notice in image.ended(unit).notices] == ["ai_limit"]
    assert model.requests == []


def row(services: Services, image: Waiting, columns: LiteralString) -> dict[str, object]:
    with services.database.transaction() as connection:
        found = connection.execute(
            f"SELECT {columns} FROM images WHERE id = %s",  # noqa: S608 - ours
            (image.image_id,),
        ).fetchone()
    assert found is not None
    return found


def test_an_account_at_its_calls_of_this_minute_waits_in_its_row(
    unit: Services, model: MessagesApi
) -> None:
    first = optimised(unit)
    second = optimised(unit, account=first.account)
    describe(unit, model, first, ai_account_calls_per_minute=1)
    started = time.monotonic()
    describe(unit, model, second, ai_account_calls_per_minute=1)
    assert time.monotonic() - started < 20  # no thread waits for the minute to pass
    later = "describe_after - now() > interval '30 s' AS later"
    assert row(unit, second, f"state, describe_attempt, {later}") == {
        "state": "optimised",
        "describe_attempt": 0,
        "later": True,
    }
    assert len(model.requests) == 1


def test_a_store_that_is_down_gives_the_image_back(unit: Services, model: MessagesApi) -> None:
    store = MemoryStore()
    services = with_memory_store(unit, store)
    image = optimised(services)
    store.down = True
    describe(services, model, image)
    assert row(unit, image, "state, describe_attempt") == {
        "state": "optimised",
        "describe_attempt": 1,
    }
    store.down = False
    describe(services, model, image)
    assert image.ended(unit).alt_text == "A cup of coffee"


def test_a_store_that_stays_down_costs_the_image_its_text_alone(
    unit: Services, model: MessagesApi
) -> None:
    store = MemoryStore()
    services = with_memory_store(unit, store)
    image = optimised(services)
    store.down = True
    for _ in range(unit.settings.max_attempts):
        describe(services, model, image)
    assert [notice.code for notice in image.ended(unit).notices] == ["ai_failed"]


def test_a_preview_that_is_gone_costs_the_image_its_text_alone(
    unit: Services, model: MessagesApi
) -> None:
    image = optimised(unit)
    unit.store.delete_prefix(inputs_prefix(image.batch_id))
    describe(unit, model, image)
    assert [notice.code for notice in image.ended(unit).notices] == ["ai_failed"]


def test_the_model_is_shown_the_picture_without_its_watermark(
    unit: Services, model: MessagesApi
) -> None:
    account, _ = make_account(unit)
    options = replace(BOTH_TEXTS, watermark=Watermark(scale_percent=50, opacity_percent=100))
    batch = make_batch(unit, account, data=png(400, 300, "red"), options=options)
    mark = png(100, 100, "lime")
    unit.store.put(watermark_key(batch.id), io.BytesIO(mark), len(mark), "image/png")
    (image_id,) = accept(unit, replace(batch, watermark_key=watermark_key(batch.id)))
    steps.optimise(unit, image_id)
    describe(unit, model, Waiting(account, batch.id, image_id))
    with Image.open(io.BytesIO(model.requests[0].images[0])) as seen:
        histogram = seen.convert("RGB").getchannel("G").histogram()
    assert sum(histogram[20:]) == 0


def test_a_late_optimisation_leaves_neither_output_nor_preview(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account, data=COFFEE, options=BOTH_TEXTS)
    (image_id,) = accept(unit, batch)
    real = images.mark_optimised

    def too_late(database: Database, claim: Claim, result: Result, cpu_seconds: float) -> bool:
        images.give_back(database, claim)
        return real(database, claim, result, cpu_seconds)

    monkeypatch.setattr(images, "mark_optimised", too_late)
    steps.optimise(unit, image_id)
    unit.store.delete(original_key(batch.id, 0))
    assert unit.store.last_modified(f"{batch.id}/") is None
