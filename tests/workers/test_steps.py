"""The first step of an image from its original to its row, and what its failures cost."""

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import IO, TypeVar
from uuid import UUID

import pytest
from PIL import Image

from shared.clients import pubsub
from shared.clients.object_store import batch_prefix, original_key
from shared.clients.pubsub import Listener
from shared.db import credits, sessions, views
from shared.db.views import EndedImage
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Options, Watermark
from shared.services import Services
from tests.support.cases import every_case
from tests.support.making import accept, make_account, make_batch, png
from tests.support.memory_store import MemoryStore, with_memory_store
from tests.support.paths import SAMPLES
from workers import steps

T = TypeVar("T")


def run(services: Services, data: bytes, options: Options | None = None) -> EndedImage:
    """One image through all steps; returns what it became."""
    account, _ = make_account(services)
    batch = make_batch(services, account, data=data, options=options)
    (image_id,) = accept(services, batch)
    steps.optimise(services, image_id)
    (image,) = views.view_batch(services.database, account.id, batch.id).images
    return image


@pytest.mark.parametrize("format", list(OUTPUT_TYPES))
def test_an_image_comes_out_in_the_format_asked_for(unit: Services, format: ImageType) -> None:
    data = (SAMPLES / "rocket.jpg").read_bytes()
    image = run(unit, data, Options(format=format, max_width=100))
    assert image.output_key is not None
    stored = unit.store.get(image.output_key)
    with Image.open(io.BytesIO(stored)) as decoded:
        assert decoded.format == {"jpg": "JPEG"}.get(format, format.upper())
        assert decoded.size == (image.width, image.height) == (100, 67)
    assert image.compressed_size == len(stored)


@every_case(
    "data, code",
    [
        (b"just text", "unsupported_image"),
        (b"", "corrupt_image"),
        ((SAMPLES / "rocket.jpg").read_bytes()[:50_000], "corrupt_image"),
    ],
)
def test_a_bad_image_fails_with_its_code(unit: Services, data: bytes, code: str) -> None:
    assert run(unit, data).error_code == code


def test_an_image_past_the_limit_on_pixels_is_refused_from_its_header(unit: Services) -> None:
    small = replace(unit, settings=unit.settings.model_copy(update={"max_pixels": 47}))
    assert run(small, png(8, 6)).error_code == "too_many_pixels"


def test_an_animation_past_the_limit_on_its_pixels_is_refused_from_its_header(
    unit: Services,
) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    small = replace(unit, settings=unit.settings.model_copy(update={"max_animation_pixels": 95}))
    assert run(small, file.getvalue(), Options(ImageType.AVIF)).error_code == "too_many_frames"


def test_a_failed_image_is_charged_nothing(unit: Services) -> None:
    account, _ = make_account(unit)
    (image_id,) = accept(unit, make_batch(unit, account, data=b"just text"))
    steps.optimise(unit, image_id)
    assert credits.balance(unit.database, account.id).images_used == 0


def test_a_message_that_comes_twice_is_one_run(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    steps.optimise(unit, image_id)
    (first,) = views.view_batch(unit.database, account.id, batch.id).images
    steps.optimise(unit, image_id)
    (second,) = views.view_batch(unit.database, account.id, batch.id).images
    assert first == second


def test_the_watermark_of_the_batch_is_applied(unit: Services) -> None:
    services = with_memory_store(unit)
    account, _ = make_account(services)
    options = Options(
        format=ImageType.PNG, watermark=Watermark(scale_percent=50, opacity_percent=100)
    )
    batch = make_batch(services, account, data=png(100, 100, "white"), options=options)
    batch = replace(batch, watermark_key=f"{batch.id}/in/watermark")
    mark = png(10, 10, "black")
    services.store.put(f"{batch.id}/in/watermark", io.BytesIO(mark), len(mark), "image/png")
    (image_id,) = accept(services, batch)
    steps.optimise(services, image_id)
    (image,) = views.view_batch(services.database, account.id, batch.id).images
    assert image.watermarked
    with Image.open(io.BytesIO(services.store.get(image.output_key or ""))) as decoded:
        assert decoded.convert("L").getpixel((80, 80)) == 0
        assert decoded.convert("L").getpixel((20, 20)) == 255


class FailingStore(MemoryStore):
    """Goes down in one kind of call, a number of times."""

    def __init__(self, call: str, times: int = 1) -> None:
        super().__init__()
        self.call = call
        self.times = times

    def get(self, key: str) -> bytes:
        return self._through("get", lambda: super(FailingStore, self).get(key))

    def put(self, key: str, data: IO[bytes], size: int, content_type: str) -> None:
        parent = super().put
        if "/out/" not in key:
            return parent(key, data, size, content_type)
        return self._through("put", lambda: parent(key, data, size, content_type))

    def _through(self, call: str, act: Callable[[], T]) -> T:
        self.down = call == self.call and self.times > 0
        self.times -= call == self.call
        try:
            return act()
        finally:
            self.down = False


@pytest.mark.parametrize("call", ["get", "put"])
def test_a_store_that_is_down_for_a_while_costs_no_attempt(unit: Services, call: str) -> None:
    services = with_memory_store(unit, FailingStore(call, times=5))
    account, _ = make_account(services)
    batch = make_batch(services, account)
    (image_id,) = accept(services, batch)
    for _ in range(6):  # more often than an image has attempts
        steps.optimise(services, image_id)
    (image,) = views.view_batch(services.database, account.id, batch.id).images
    assert image.output_key is not None


def test_an_original_that_is_lost_ends_its_image(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    unit.store.delete(original_key(batch.id, 0))
    steps.optimise(unit, image_id)
    (image,) = views.view_batch(unit.database, account.id, batch.id).images
    assert image.error_code == "processing_failed"


class CancellingStore(MemoryStore):
    """Calls `then` just before an output is stored: what happens while a worker works."""

    then: Callable[[], object]

    def put(self, key: str, data: IO[bytes], size: int, content_type: str) -> None:
        if "/out/" in key:
            self.then()
        super().put(key, data, size, content_type)


def test_a_late_commit_leaves_no_output_behind(unit: Services) -> None:
    store = CancellingStore()
    services = with_memory_store(unit, store)
    account, _ = make_account(services)
    batch = make_batch(services, account, session="s")
    (image_id,) = accept(services, batch)
    store.then = lambda: sessions.delete(services.database, account.id, "s")
    steps.optimise(services, image_id)
    assert store.last_modified(f"{batch_prefix(batch.id)}out/") is None
    assert credits.balance(services.database, account.id).images_used == 0


def test_the_end_of_a_batch_wakes_who_waits_for_it(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    listener = Listener(unit.redis)
    try:
        with listener.waiting(pubsub.batch_topic(batch.id)) as woken:
            while not woken.wait(0.05):  # until the listener hears us
                pubsub.publish(unit.redis, [pubsub.batch_topic(batch.id)])
            woken.clear()
            steps.optimise(unit, image_id)
            assert woken.wait(5)
    finally:
        listener.close()


def record_of(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = [r for r in caplog.records if r.name == "fluximage.images" and r.msg == "image"]
    return record.__dict__


def test_an_image_writes_one_log_line_that_says_all(
    unit: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fluximage.images")
    image = run(unit, png())
    record = record_of(caplog)
    assert record["image"] == image.id
    assert record["batch"] == image.batch_id
    assert record["bytes_in"] == len(png())
    assert record["bytes_out"] == image.compressed_size
    assert {"account", "session", "attempt", "result", "format"} <= record.keys()
    seconds = record["seconds"]
    assert isinstance(seconds, dict)
    assert {"load", "admit", "decode", "resize", "encode", "save"} <= seconds.keys()


def test_images_are_counted_by_result_and_format(unit: Services) -> None:
    run(unit, png())
    run(unit, b"just text", Options(format=ImageType.AVIF))
    assert unit.metrics.image_counts() == {("done", "webp"): 1, ("failed", "avif"): 1}
    assert unit.metrics.step_seconds()["encode"][0] == 1


def test_closing_a_batch_twice_is_no_error(unit: Services) -> None:
    account, _ = make_account(unit)
    batch = make_batch(unit, account)
    (image_id,) = accept(unit, batch)
    steps.optimise(unit, image_id)
    for _ in range(2):
        steps.close_batch(unit, batch.id)
    assert unit.store.last_modified(f"{batch.id}/in/") is None


def test_a_batch_that_is_unknown_is_no_error(unit: Services) -> None:
    steps.close_batch(unit, UUID(int=7))
    steps.optimise(unit, UUID(int=7))
