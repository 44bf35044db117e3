"""One image through the engine: times, memory, and the same bytes every time."""

import gc
import time

from PIL import Image, features

import workers.imaging
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Watermark
from tests.workers.imaging.making import noise, run, saved


def test_seconds_are_reported_for_each_step() -> None:
    output = run(saved(noise(), "JPEG"), ImageType.WEBP)
    assert list(output.seconds) == ["decode", "resize", "watermark", "encode"]
    assert all(value >= 0 for value in output.seconds.values())


def test_cpu_seconds_cover_the_whole_call() -> None:
    data = saved(noise(400, 300), "PNG")
    started = time.process_time()
    output = run(data, ImageType.AVIF)
    spent = time.process_time() - started
    assert 0.5 * spent < output.cpu_seconds <= spent


def test_the_same_input_returns_the_same_bytes() -> None:
    for to in OUTPUT_TYPES:
        data = saved(noise(), "JPEG")
        mark = saved(noise(9, 9), "PNG")
        once, again = (run(data, to, mark, watermark=Watermark()).data for _ in range(2))
        assert once == again


def test_avif_is_read_by_the_plugin() -> None:
    assert features.check("avif")
    assert Image.OPEN["AVIF"][0].__module__ == "pillow_avif.AvifImagePlugin"
    assert workers.imaging.__all__ == ["ImageJob", "Output", "process"]


def test_processing_keeps_no_image_in_memory() -> None:
    data = saved(noise(), "PNG")
    for to in OUTPUT_TYPES:
        run(data, to)
    gc.collect()
    before = sum(isinstance(thing, Image.Image) for thing in gc.get_objects())
    for to in OUTPUT_TYPES * 3:
        run(data, to)
    gc.collect()
    assert sum(isinstance(thing, Image.Image) for thing in gc.get_objects()) <= before
