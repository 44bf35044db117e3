"""POST /api/sessions/{id}/retry: what another run can help is made again, and what that costs."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from PIL import Image

from shared.db import accounts, retries
from shared.errors import AiDeclinedError, CorruptImageError
from shared.models import Description, Notice
from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import in_process
from tests.api.retry.shop import BOTH, RETRY, UNREACHABLE, WRITTEN, Shop
from tests.support.making import png


def test_a_failed_image_is_made_again_and_stands_in_for_its_error(shop: Shop) -> None:
    shop.send(2)
    shop.fail()
    (old, _) = shop.page()["errors"]
    answer = shop.retry()
    assert (answer["retried"], answer["status"]) == (2, "processing")
    shop.optimise()
    page = shop.page()
    assert page["errors"] == []
    assert [image["file_name"] for image in page["data"]] == ["0.webp", "1.webp"]
    assert page["data"][0]["retry_of"] == old["id"]
    assert page["data"][0]["index"] == old["index"]
    assert shop.used() == (2, 0)


def test_a_retry_is_answered_as_a_post_that_is_not_done(shop: Shop) -> None:
    shop.send()
    shop.fail()
    answer = shop.call("POST", RETRY)
    assert answer.status_code == 202
    assert answer.headers["Location"] == "/api/sessions/s"
    assert answer.headers["Retry-After"] == "1"
    assert answer.json["next_cursor"] is not None  # type: ignore[index] # an object


def test_only_the_text_is_made_again_where_only_that_is_missing(shop: Shop) -> None:
    shop.undescribed()
    (old,) = shop.page()["data"]
    assert shop.used() == (1, 0)
    shop.retry()
    assert shop.used() == (1, 1)
    shop.describe()
    page = shop.page()
    (new,) = page["data"]
    assert (new["alt_text"], new["file_name"]) == (WRITTEN.alt_text, "red-shoes-on-grass.webp")
    assert new["retry_of"] == old["id"]
    same = ("original_name", "format", "width", "height", "compressed_size", "encoding")
    assert [new[name] for name in same] == [old[name] for name in same]
    assert page["warnings"] == []
    assert shop.used() == (1, 1)


def test_a_retry_that_brings_no_text_leaves_the_image_where_it_was(shop: Shop) -> None:
    shop.undescribed()
    before = shop.page()
    shop.retry()
    shop.describe(Description(), UNREACHABLE)
    after = shop.page()
    assert [image["id"] for image in after["data"]] == [image["id"] for image in before["data"]]
    assert (after["progress"], after["warnings"]) == (before["progress"], before["warnings"])
    assert shop.used() == (1, 0)
    assert shop.retry()["retried"] == 1


@pytest.mark.parametrize("missing", [("alt_text", "stem"), ("stem", "alt_text")])
def test_texts_that_came_in_parts_are_delivered_together(
    shop: Shop, missing: tuple[str, str]
) -> None:
    first, second = (Description(**vars(WRITTEN) | {name: None}) for name in missing)
    shop.send(**BOTH)
    shop.optimise()
    shop.describe(first, UNREACHABLE)
    shop.retry()
    shop.describe(second, UNREACHABLE)
    (image,) = shop.page()["data"]
    assert (image["alt_text"], image["file_name"]) == (WRITTEN.alt_text, "red-shoes-on-grass.webp")


def test_an_image_that_never_gets_a_text_is_made_again_ten_times(shop: Shop) -> None:
    shop.undescribed()
    for _ in range(retries.MAX_RETRIES):
        assert shop.retry()["retried"] == 1
        shop.describe(Description(), UNREACHABLE)
    assert shop.retry(200)["retried"] == 0


def test_an_image_that_fails_again_is_listed_once_and_can_be_retried(shop: Shop) -> None:
    shop.send()
    shop.fail()
    (first,) = shop.page()["errors"]
    for _ in range(2):
        shop.retry()
        shop.fail()
        page = shop.page()
        (error,) = page["errors"]
        assert page["progress"]["total"] == page["progress"]["failed"] == 1
    assert error["id"] != first["id"]
    shop.retry()
    shop.optimise()
    assert [len(shop.page()[part]) for part in ("data", "errors")] == [1, 0]


def test_what_another_run_cannot_help_is_not_retried(shop: Shop) -> None:
    shop.send()
    shop.fail(CorruptImageError("It is damaged"))
    shop.send(**BOTH)
    shop.optimise()
    shop.describe(Description(), Notice(AiDeclinedError.code, "The model declined"))
    answer = shop.retry(200)
    assert answer["retried"] == 0
    assert len(answer["errors"]) == len(answer["data"]) == 1


def test_an_image_that_is_made_again_already_is_left_alone(shop: Shop) -> None:
    shop.send()
    shop.fail()
    shop.retry()
    assert shop.retry(200)["retried"] == 0
    shop.optimise()
    assert shop.retry(200)["retried"] == 0
    assert shop.used() == (1, 0)


def test_retries_at_once_make_one_new_image(shop: Shop) -> None:
    shop.send(3)
    shop.fail()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: shop.call("POST", RETRY), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [202]
    assert len(shop.rows("i.state = 'queued'")) == 3
    assert shop.used() == (3, 0)
    batches = {row["batch_id"] for row in shop.rows()}
    assert {UUID(name) for name in shop.store.list_batches()} == batches


def test_each_batch_is_made_again_under_its_own_options(shop: Shop) -> None:
    shop.send(format="png")
    shop.send(format="jpg", maxWidth="16")
    shop.fail()
    shop.retry()
    shop.optimise()
    made = [(image["format"], image["width"]) for image in shop.page()["data"]]
    assert made == [("png", 64), ("jpg", 16)]
    assert len({image["batch_id"] for image in shop.page()["data"]}) == 2


def test_a_watermark_is_laid_over_the_image_that_is_made_again(shop: Shop) -> None:
    mark = (io.BytesIO(png(8, 8, "lime")), "logo.png")
    shop.send(format="png", watermarkFile=mark, watermarkOpacity="100")
    shop.fail()
    shop.retry()
    shop.optimise()
    (image,) = shop.page()["data"]
    assert image["watermarked"]
    (row,) = shop.rows("i.state = 'done'")
    with Image.open(io.BytesIO(shop.store.get(row["output_key"]))) as opened:
        assert (0, 255, 0) in {colour for _, colour in opened.convert("RGB").getcolors() or ()}


def test_a_failed_image_that_was_to_be_described_is_described_then(shop: Shop) -> None:
    shop.send(**BOTH)
    shop.fail()
    shop.retry()
    assert shop.used() == (1, 1)
    shop.optimise()
    shop.describe()
    (image,) = shop.page()["data"]
    assert image["alt_text"] == WRITTEN.alt_text


def test_a_failed_image_is_replaced_also_by_one_without_text(shop: Shop) -> None:
    shop.send(**BOTH)
    shop.fail()
    shop.retry()
    shop.optimise()
    shop.describe(Description(), UNREACHABLE)
    page = shop.page()
    assert [len(page[part]) for part in ("data", "errors", "warnings")] == [1, 0, 1]


def test_a_retry_that_does_not_fit_the_plan_is_refused_whole(starter: Shop) -> None:
    starter.send(2)
    starter.fail()
    stored = sorted(starter.store.list_batches())
    use_up(starter, images=199)
    assert starter.retry(403)["code"] == "plan_limit"
    assert sorted(starter.store.list_batches()) == stored
    assert len(starter.rows()) == 2


def use_up(shop: Shop, images: int = 0, ai: int = 0) -> None:
    with shop.services.database.transaction() as connection:
        connection.execute(
            "UPDATE usage SET images = images + %s, ai_credits = ai_credits + %s", (images, ai)
        )


def test_a_text_alone_needs_no_image_that_the_plan_has_left(starter: Shop) -> None:
    starter.undescribed()
    use_up(starter, images=199)
    assert starter.retry()["retried"] == 1


def test_a_text_needs_an_ai_credit_and_a_plan_with_ai(starter: Shop) -> None:
    starter.undescribed()
    use_up(starter, ai=200)
    assert starter.retry(403)["code"] == "no_credits"
    accounts.set_plan(starter.services.database, starter.account.name, Plan.FREE)
    assert starter.retry(403)["code"] == "ia_not_available"


def test_two_that_race_for_the_last_credits_are_one_retry_and_no_refusal(starter: Shop) -> None:
    starter.send(2)
    starter.fail()
    use_up(starter, images=198)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: starter.call("POST", RETRY), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [202]


def test_a_text_is_not_made_again_without_a_provider(shop: Shop, services: Services) -> None:
    shop.undescribed()
    settings = services.settings.model_copy(update={"anthropic_api_key": None})
    with in_process(replace(services, settings=settings)) as http:
        answer = replace(shop, http=http).call("POST", RETRY)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "3600"


def test_a_store_that_is_down_changes_nothing(shop: Shop) -> None:
    shop.send()
    shop.fail()
    shop.store.down = True
    assert shop.retry(503)["code"] == "unavailable"
    shop.store.down = False
    assert shop.retry()["retried"] == 1
