"""POST /api/sessions/{id}/retry: what another run can help is made again, and stands in its place.

The API runs in this process over a store in memory; a test does the workers' work itself.
"""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from PIL import Image
from pydantic import SecretStr
from werkzeug.test import TestResponse

from infra.dev.messages_api import MessagesApi
from shared.clients.object_store import original_key
from shared.db import accounts, archives, credits, descriptions, images, retries, upkeep
from shared.db.accounts import Account
from shared.db.database import Row
from shared.db.image_states import DESCRIBE, OPTIMISE
from shared.errors import AiDeclinedError, AiUnreachableError, CorruptImageError, ImageError
from shared.models import Description, Notice
from shared.plans import Plan
from shared.services import Services
from tests.api.conftest import in_process
from tests.support.client import Client
from tests.support.making import make_account, png, saying
from tests.support.memory_store import MemoryStore, with_memory_store
from workers import steps, sweep

PHOTO = png(64, 48)
BOTH: dict[str, Any] = {"autoAltText": "true", "autoRenameSEO": "true"}
WRITTEN = Description("Red shoes on grass", "red-shoes-on-grass")
UNREACHABLE = Notice(AiUnreachableError.code, "The AI provider did not answer")
RETRY = "/api/sessions/s/retry"


@dataclass
class Shop:
    """A client of the API, and the worker behind it."""

    http: FlaskClient
    key: str
    account: Account
    services: Services
    store: MemoryStore

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return self.http.open(path, method=method, headers=headers, **more)

    def send(self, count: int = 1, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        files = [(io.BytesIO(PHOTO), f"{n}.png") for n in range(count)]
        sent = {"Prefer": "respond-async"} | (headers or {})
        data = {"file": files, "sessionId": "s"} | fields
        answer = self.call("POST", "/api/compress", headers=sent, data=data)
        assert answer.status_code == 202, answer.text
        return answer.json

    def retry(self, status: int = 202) -> Any:
        answer = self.call("POST", RETRY)
        assert answer.status_code == status, answer.text
        return answer.json

    def page(self, **query: object) -> Any:
        return self.call("GET", "/api/sessions/s", query_string=query).json

    def rows(self, where: str = "true") -> list[Row]:
        with self.services.database.transaction() as connection:
            return connection.execute(
                f"SELECT i.* FROM images AS i JOIN batches AS b ON b.id = i.batch_id"  # noqa: S608 - ours
                f" WHERE {where} ORDER BY b.created_at, i.index"
            ).fetchall()

    def fail(self, error: ImageError | None = None) -> None:
        """Fails every queued image, as after three killed workers; closes their batches."""
        for row in self.rows("i.state = 'queued'"):
            claim = images.claim(self.services.database, OPTIMISE, row["id"], 60)
            assert claim is not None
            error = error or ImageError("The image could not be processed")
            assert images.fail(self.services.database, claim, error)
        self.close()

    def optimise(self) -> None:
        """Processes every queued image, and closes the batches that are done."""
        for row in self.rows("i.state = 'queued'"):
            steps.optimise(self.services, row["id"])
        self.close()

    def describe(self, written: Description = WRITTEN, notice: Notice | None = None) -> None:
        """Ends every optimised image with that text, and closes the batches that are done."""
        for row in self.rows("i.state = 'optimised'"):
            claim = images.claim(self.services.database, DESCRIBE, row["id"], 60)
            assert claim is not None
            assert descriptions.complete(self.services.database, claim, written, notice)
        self.close()

    def close(self) -> None:
        with self.services.database.transaction() as connection:
            batches = connection.execute("SELECT id FROM batches").fetchall()
        for batch in batches:
            steps.close_batch(self.services, batch["id"])

    def undescribed(self, count: int = 1) -> None:
        """A session `s` of images that the model left without a text."""
        self.send(count, **BOTH)
        self.optimise()
        self.describe(Description(), UNREACHABLE)

    def used(self) -> tuple[int, int]:
        """Images and AI credits that the account has paid or reserved."""
        balance = credits.balance(self.services.database, self.account.id)
        return balance.images_used, balance.ai_used

    def is_stored(self, key: str) -> bool:
        return self.store.last_modified(key) is not None


def make_shop(unit: Services, http: FlaskClient, services: Services, plan: Plan) -> Shop:
    account, key = make_account(unit, plan)
    assert isinstance(services.store, MemoryStore)
    return Shop(http, key, account, services, services.store)


@pytest.fixture
def services(unit: Services) -> Services:
    settings = unit.settings.model_copy(update={"anthropic_api_key": SecretStr("never used")})
    return with_memory_store(replace(unit, settings=settings))


@pytest.fixture
def http(services: Services) -> Iterator[FlaskClient]:
    with in_process(services) as client:
        yield client


@pytest.fixture
def shop(unit: Services, http: FlaskClient, services: Services) -> Shop:
    return make_shop(unit, http, services, Plan.AGENCY)


@pytest.fixture
def starter(unit: Services, http: FlaskClient, services: Services) -> Shop:
    """On a plan with 200 images and 200 AI credits."""
    return make_shop(unit, http, services, Plan.STARTER)


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


def archived(shop: Shop, scope: archives.ArchiveScope) -> list[str]:
    """The file names of what an archive with that scope holds."""
    return [image.file_name for image in archives.page_after(shop.services.database, scope, 0)]


def test_an_archive_has_the_image_that_stands_in_and_not_the_older_one(shop: Shop) -> None:
    shop.undescribed()
    begun_before = archives.scope_of(shop.services.database, shop.account.id, "s")
    shop.retry()
    shop.describe()
    after = archives.scope_of(shop.services.database, shop.account.id, "s")
    assert archived(shop, after) == ["red-shoes-on-grass.webp"]
    assert after.finished == 1
    assert archived(shop, begun_before) == ["0.webp"]


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


def test_only_what_a_retry_needs_is_kept_and_not_longer_than_the_results(shop: Shop) -> None:
    shop.send(2, watermarkFile=(io.BytesIO(png(8, 8)), "logo.png"), **BOTH)
    (good, bad) = shop.rows()
    steps.optimise(shop.services, good["id"])
    shop.fail()
    shop.describe()
    prefix = f"{good['batch_id']}/in/"
    assert not shop.is_stored(f"{prefix}0")
    assert not shop.is_stored(f"{prefix}preview")
    assert shop.is_stored(f"{prefix}{bad['index']}")
    assert shop.is_stored(f"{prefix}watermark")
    expire(shop)
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)
    assert list(shop.store.list_batches()) == []


def test_what_was_kept_goes_once_the_new_image_has_taken_the_place(shop: Shop) -> None:
    shop.send()
    shop.fail()
    shop.retry()
    old, new = shop.rows()
    steps.optimise(shop.services, new["id"])
    sweep.delete_inputs(shop.services.database, shop.store)
    kept = [shop.is_stored(original_key(row["batch_id"], row["index"])) for row in (old, new)]
    assert kept == [False, False]


def test_only_the_preview_is_kept_of_an_image_without_text(shop: Shop) -> None:
    shop.undescribed()
    (row,) = shop.rows()
    assert not shop.is_stored(f"{row['batch_id']}/in/0")
    assert shop.is_stored(f"{row['batch_id']}/in/preview")


def test_the_sweep_keeps_the_same_as_the_end_of_a_batch(shop: Shop) -> None:
    shop.send(2)
    (good, bad) = shop.rows()
    steps.optimise(shop.services, good["id"])
    claim = images.claim(shop.services.database, OPTIMISE, bad["id"], 60)
    assert claim is not None
    images.fail(shop.services.database, claim, ImageError("It failed"))
    sweep.delete_inputs(shop.services.database, shop.store)
    prefix = f"{good['batch_id']}/in/"
    assert [shop.is_stored(f"{prefix}{index}") for index in (0, 1)] == [False, True]


def test_deleting_a_session_deletes_what_was_kept(shop: Shop) -> None:
    shop.send()
    shop.fail()
    assert list(shop.store.list_batches())
    shop.call("DELETE", "/api/sessions/s")
    assert list(shop.store.list_batches()) == []


def test_the_retry_of_a_deleted_session_is_a_conflict(shop: Shop) -> None:
    shop.send()
    shop.fail()
    shop.call("DELETE", "/api/sessions/s")
    assert shop.retry(409)["code"] == "conflict"


def expire(shop: Shop) -> None:
    with shop.services.database.transaction() as connection:
        connection.execute("UPDATE batches SET closed_at = now() - interval '2 days'")


def test_what_was_deleted_with_the_results_is_gone(shop: Shop) -> None:
    shop.send()
    shop.fail()
    shop.undescribed()
    expire(shop)
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)
    assert shop.retry(410)["code"] == "gone"
    assert shop.used() == (1, 0)


def test_what_the_store_has_lost_is_gone_and_leaves_nothing_behind(shop: Shop) -> None:
    shop.undescribed()
    (row,) = shop.rows()
    shop.store.delete(row["preview_key"])
    stored = sorted(shop.store.list_batches())
    assert shop.retry(410)["code"] == "gone"
    shop.send(watermarkFile=(io.BytesIO(png(8, 8)), "logo.png"))
    shop.fail()
    shop.store.delete(f"{shop.rows()[-1]['batch_id']}/in/watermark")
    assert shop.retry(410)["code"] == "gone"
    assert sorted(shop.store.list_batches()) == sorted([*stored, str(shop.rows()[-1]["batch_id"])])


def test_what_is_gone_keeps_nothing_else_from_being_made_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "MAX_IMAGES", 1)
    shop.send()
    shop.fail()
    expire(shop)
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)
    shop.send()
    shop.fail()
    assert shop.retry()["retried"] == 1


def test_a_retry_lives_longer_than_what_it_was_made_of(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    with shop.services.database.transaction() as connection:
        connection.execute(
            "UPDATE batches SET closed_at = now() - interval '2 days' WHERE closed_at IS NOT NULL"
        )
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)
    shop.describe()
    (image,) = shop.page()["data"]
    (row,) = shop.rows("i.retry_of IS NOT NULL")
    assert image["id"] == str(row["id"])
    assert shop.store.get(row["output_key"])


def test_an_image_without_text_is_listed_where_the_older_one_has_expired(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    with shop.services.database.transaction() as connection:
        connection.execute(
            "UPDATE batches SET closed_at = now() - interval '2 days' WHERE closed_at IS NOT NULL"
        )
    sweep.delete_outputs(shop.services.database, shop.store, shop.services.settings)
    shop.describe(Description(), UNREACHABLE)
    (image,) = shop.page()["data"]
    assert image["retry_of"]


def test_an_archive_leaves_out_what_is_not_listed_also_once_the_older_image_is_forgotten(
    shop: Shop,
) -> None:
    shop.undescribed()
    shop.retry()
    shop.describe(Description(), UNREACHABLE)
    shop.send()
    shop.optimise()
    (old,) = shop.rows("i.replaced_by IS NULL AND b.options->>'brief' IS NOT NULL")
    upkeep.delete_batch(shop.services.database, old["batch_id"])
    scope = archives.scope_of(shop.services.database, shop.account.id, "s")
    assert scope.finished == len(archived(shop, scope)) == 1


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


def test_cancelling_a_retry_leaves_what_it_was_to_replace(shop: Shop) -> None:
    shop.send()
    shop.fail()
    shop.undescribed()
    before = shop.page()
    shop.retry()
    shop.call("POST", "/api/sessions/s/cancel")
    shop.close()
    after = shop.page()
    assert (after["errors"], after["progress"]) == (before["errors"], before["progress"])
    assert [image["id"] for image in after["data"]] == [image["id"] for image in before["data"]]
    assert shop.used() == (1, 0)
    assert shop.retry()["retried"] == 2


def test_an_image_stays_in_its_folder(shop: Shop) -> None:
    shop.send(file=(io.BytesIO(PHOTO), "shoes/red/01.png"))
    shop.fail()
    shop.retry()
    shop.optimise()
    (image,) = shop.page()["data"]
    assert (image["path"], image["file_name"]) == ("shoes/red", "01.webp")


def test_progress_counts_what_is_listed_and_what_is_open(shop: Shop) -> None:
    shop.send(2)
    shop.fail()
    shop.undescribed(2)
    assert totals(shop) == (4, 2, 2)
    shop.retry()
    assert totals(shop) == (8, 2, 2)
    shop.optimise()
    assert totals(shop) == (6, 4, 0)
    shop.describe(Description(), UNREACHABLE)
    assert totals(shop) == (4, 4, 0)
    bytes_before = shop.page()["progress"]["original_bytes"]
    shop.retry()
    shop.describe()
    assert totals(shop) == (4, 4, 0)
    assert shop.page()["progress"]["original_bytes"] == bytes_before == 4 * len(PHOTO)


def totals(shop: Shop) -> tuple[int, int, int]:
    page = shop.page()
    progress = page["progress"]
    assert progress["completed"] == len(page["data"])
    assert progress["failed"] == len(page["errors"])
    return progress["total"], progress["completed"], progress["failed"]


def test_a_reader_that_keeps_its_cursor_gets_the_new_image_alone(shop: Shop) -> None:
    shop.undescribed(2)
    cursor = shop.page(limit=1)["next_cursor"]
    shop.retry()
    shop.describe()
    seen = []
    while cursor is not None:
        page = shop.page(limit=1, cursor=cursor)
        seen += [image["index"] for image in page["data"]]
        cursor = page["next_cursor"]
    assert seen == [0, 1]


def test_a_reader_gets_past_an_image_that_is_not_listed(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    shop.describe(Description(), UNREACHABLE)
    shop.send()
    cursor = shop.page()["next_cursor"]
    again = shop.page(cursor=cursor)
    assert cursor == again["next_cursor"] == "2"
    shop.optimise()
    assert len(shop.page(cursor=cursor)["data"]) == 1


def test_an_image_that_is_not_listed_ends_nobodys_wait(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    shop.describe(Description(), UNREACHABLE)
    shop.send()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shop.page, cursor=1, wait=30)
        time.sleep(0.3)
        shop.optimise()
    assert len(waiting.result()["data"]) == 1


def test_the_batch_of_the_old_image_is_answered_without_it(shop: Shop) -> None:
    key = {"Idempotency-Key": "k"}
    shop.send(headers=key)
    shop.fail()
    body = {"file": (io.BytesIO(PHOTO), "0.png"), "sessionId": "s"}
    before = shop.call("POST", "/api/compress", headers=key, data=dict(body))
    assert (before.status_code, len((before.json or {})["errors"])) == (422, 1)
    shop.retry()
    shop.optimise()
    body["file"] = (io.BytesIO(PHOTO), "0.png")
    after = shop.call("POST", "/api/compress", headers=key, data=body)
    assert (after.status_code, (after.json or {})["errors"]) == (200, [])


def test_an_accepted_retry_outlives_the_process_that_accepted_it(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    shop.services.redis.flushdb()  # as if nothing had been sent
    with shop.services.database.transaction() as connection:
        connection.execute("UPDATE batches SET published_at = NULL WHERE closed_at IS NULL")
    sweep.sweep(shop.services)
    assert shop.services.redis.llen("ai") == 1
    assert shop.services.redis.llen("images") == 0


def test_each_image_of_a_batch_is_sent_to_the_step_that_it_waits_for(shop: Shop) -> None:
    shop.send(2, **BOTH)
    (good, _) = shop.rows()
    steps.optimise(shop.services, good["id"])
    shop.fail()
    shop.describe(Description(), UNREACHABLE)
    shop.services.redis.flushdb()
    assert shop.retry()["retried"] == 2
    assert [shop.services.redis.llen(queue) for queue in ("images", "ai")] == [1, 1]


def test_an_image_that_waits_to_be_sent_to_the_model_keeps_its_patience(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    (row,) = shop.rows("i.state = 'optimised'")
    database = shop.services.database
    with database.transaction() as connection:
        connection.execute("UPDATE images SET created_at = created_at - interval '1 day'")
        connection.execute("UPDATE batches SET published_at = NULL WHERE closed_at IS NULL")
    assert upkeep.undescribed(database, 60) == []
    with database.transaction() as connection:
        connection.execute(
            "UPDATE batches SET published_at = now() - interval '61 s' WHERE closed_at IS NULL"
        )
    assert upkeep.undescribed(database, 60) == [row["id"]]


def test_a_text_comes_from_the_running_service_once_the_model_gives_one(
    client: Client, model: MessagesApi
) -> None:
    model.script += [saying("", ""), saying("", "")]
    answer = client.compress([("a.png", PHOTO)], BOTH | {"sessionId": "s"}).json()
    assert [warning["code"] for warning in answer["warnings"]] == ["ai_answer"]
    model.script.append(saying("Red shoes on grass", "red-shoes-on-grass"))
    assert client.call("POST", RETRY).json()["retried"] == 1
    cursor = len(answer["data"])
    page = client.call("GET", "/api/sessions/s", params={"wait": 30, "cursor": cursor}).json()
    assert [image["alt_text"] for image in page["data"]] == ["Red shoes on grass"]


def test_the_batch_of_a_retry_inherits_the_webhook(shop: Shop) -> None:
    assert shop.call("POST", "/api/webhooks/secret").status_code == 200
    shop.send(webhookUrl="https://example.com/hook?token=secret")
    shop.fail()
    shop.retry()
    batch = shop.rows("i.state = 'queued'")[0]["batch_id"]
    with shop.services.database.transaction() as connection:
        found = connection.execute("SELECT batch_id, url, status FROM webhooks").fetchall()
    statuses = {row["batch_id"]: (row["url"], row["status"]) for row in found}
    assert statuses[batch] == ("https://example.com/hook?token=secret", "waiting")
