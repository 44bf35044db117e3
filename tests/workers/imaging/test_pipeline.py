"""One image through the engine: times, memory, and the same bytes every time."""

import gc
import time

from PIL import Image, features

import workers.imaging
from shared.errors import WarningCode
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Watermark
from tests.support.cases import every_case
from tests.workers.imaging.making import noise, quarters, run, saved
from tests.workers.imaging.moving import KINDS, MOVING, grainy, moving


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


UPLOADS = {
    f"{kind.value}, {name}": saved(image.quantize(16) if kind is ImageType.GIF else image, decoder)
    for kind in ImageType
    for decoder in [kind.facts.decoder]
    for name, image in (("noise", noise()), ("quarters", quarters()))
} | {f"moving {kind}": moving(kind, grainy(3)) for kind in KINDS}


@every_case("name, to", [(name, to) for name in UPLOADS for to in OUTPUT_TYPES])
def test_a_result_has_a_warning_exactly_if_it_is_larger_than_its_upload(
    name: str, to: ImageType
) -> None:
    for quality in (40, 100):
        output = run(UPLOADS[name], to, quality=quality)
        codes = [code for code, _ in output.warnings]
        is_larger = len(output.data) > len(UPLOADS[name])
        assert (WarningCode.LARGER_THAN_ORIGINAL in codes) == is_larger


def test_the_warning_says_how_many_bytes_the_result_has() -> None:
    data = saved(noise(), "JPEG", quality=10)
    output = run(data, ImageType.PNG)
    message = f"The result has {len(output.data):,} bytes, more than the upload's {len(data):,}"
    assert output.warnings == ((WarningCode.LARGER_THAN_ORIGINAL, message),)


def test_an_animation_that_grows_has_the_warning_too() -> None:
    data = saved(noise(), "WEBP", quality=5, save_all=True, append_images=[noise().rotate(180)])
    for to in MOVING:
        output = run(data, to, quality=100, max_width=95)
        assert [code for code, _ in output.warnings] == [WarningCode.LARGER_THAN_ORIGINAL]
