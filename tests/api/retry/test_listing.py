"""Which of an image and its retry stands in lists, counts and archives."""

import io
import time
from concurrent.futures import ThreadPoolExecutor

from infra.dev.messages_api import MessagesApi
from shared.db import archives, upkeep
from shared.models import Description
from tests.api.retry.shop import BOTH, PHOTO, RETRY, UNREACHABLE, Shop
from tests.support.client import Client
from tests.support.making import saying
from workers import steps, sweep


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
        connection.execute("UPDATE images SET published_at = NULL WHERE ended_number IS NULL")
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
    shop.measure()
    assert [shop.services.redis.llen(queue) for queue in ("express", "ai")] == [1, 1]


def test_an_image_that_waits_to_be_sent_to_the_model_keeps_its_patience(shop: Shop) -> None:
    shop.undescribed()
    shop.retry()
    (row,) = shop.rows("i.state = 'optimised'")
    database = shop.services.database
    with database.transaction() as connection:
        connection.execute("UPDATE images SET created_at = created_at - interval '1 day'")
        connection.execute("UPDATE images SET published_at = NULL WHERE ended_number IS NULL")
    assert upkeep.undescribed(database, 60) == []
    with database.transaction() as connection:
        connection.execute(
            "UPDATE images SET published_at = now() - interval '61 s' WHERE ended_number IS NULL"
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
