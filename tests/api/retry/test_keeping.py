"""What is kept for a retry, and for how long."""

import io

import pytest

from shared.clients.object_store import original_key
from shared.db import images, retries
from shared.db.image_states import OPTIMISE
from shared.errors import ImageError
from shared.models import Description
from tests.api.retry.shop import BOTH, UNREACHABLE, Shop
from tests.support.making import png
from workers import steps, sweep


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
