"""The shape of the estimate; `make bench-cost` measures how accurate it is."""

from dataclasses import replace

import pytest

from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import DescriptionRequest, Effort, Options, Watermark
from workers.cost.estimate import Cost, estimate
from workers.imaging.formats.probe import Probe

PHOTOGRAPH = Probe(ImageType.JPG, 4000, 3000, 1)
BYTES = 2_000_000


def cost(
    probe: Probe = PHOTOGRAPH,
    options: Options = Options(),  # noqa: B008 - frozen
    effort: Effort = Effort.BALANCED,
    size: int = BYTES,
) -> Cost:
    return estimate(probe, size, options, effort)


@pytest.mark.parametrize("to", OUTPUT_TYPES)
def test_an_image_of_twice_the_sides_costs_more(to: ImageType) -> None:
    for kind in ImageType:
        small = cost(Probe(kind, 1000, 700, 1), Options(to), size=500_000)
        large = cost(Probe(kind, 2000, 1400, 1), Options(to), size=2_000_000)
        assert large.memory_bytes > small.memory_bytes, kind
        assert large.cpu_seconds > small.cpu_seconds, kind


def test_avif_costs_more_than_webp() -> None:
    to_avif, to_webp = cost(options=Options(ImageType.AVIF)), cost(options=Options(ImageType.WEBP))
    assert to_avif.memory_bytes > to_webp.memory_bytes
    assert to_avif.cpu_seconds > to_webp.cpu_seconds


@pytest.mark.parametrize("to", [ImageType.WEBP, ImageType.AVIF, ImageType.PNG])
def test_more_effort_costs_more_cpu(to: ImageType) -> None:
    fast, balanced, small = (cost(options=Options(to), effort=effort) for effort in Effort)
    assert fast.cpu_seconds < balanced.cpu_seconds < small.cpu_seconds


def test_a_large_avif_costs_less_memory_per_pixel_than_one_in_full_colour() -> None:
    below, above = (
        cost(Probe(ImageType.JPG, side, 5000, 1), Options(ImageType.AVIF)) for side in (6300, 6500)
    )
    assert above.memory_bytes < below.memory_bytes


def test_a_smaller_box_costs_less() -> None:
    whole, boxed = cost(), cost(options=Options(max_width=800))
    assert boxed.memory_bytes < whole.memory_bytes / 3
    assert boxed.cpu_seconds < whole.cpu_seconds / 3


def test_a_box_saves_a_jpeg_the_memory_that_a_png_needs() -> None:
    boxed = Options(max_width=400)
    jpeg_cost, png_cost = cost(options=boxed), cost(Probe(ImageType.PNG, 4000, 3000, 1), boxed)
    assert jpeg_cost.memory_bytes < png_cost.memory_bytes / 3


def test_a_scaled_progressive_jpeg_costs_the_memory_of_its_coefficients() -> None:
    boxed = Options(max_width=400)
    more = cost(replace(PHOTOGRAPH, progressive=True), boxed).memory_bytes
    assert more - cost(options=boxed).memory_bytes > 2 * 12_000_000


@pytest.mark.parametrize("to", [to for to in OUTPUT_TYPES if to is not ImageType.JPG])
def test_alpha_costs_memory(to: ImageType) -> None:
    opaque = Probe(ImageType.PNG, 4000, 3001, 1)  # too large for lossless WebP, which has it anyway
    through = replace(opaque, alpha=True)
    more = cost(through, Options(to)).memory_bytes - cost(opaque, Options(to)).memory_bytes
    assert more >= 3 * 12_000_000


def test_a_webp_of_frames_costs_the_memory_of_its_canvases() -> None:
    still, to = Probe(ImageType.WEBP, 4000, 3000, 1), Options(ImageType.JPG, max_width=400)
    more = cost(replace(still, composed=True), to).memory_bytes - cost(still, to).memory_bytes
    assert more == 10 * 12_000_000


def test_webp_that_may_be_lossless_costs_the_memory_of_that() -> None:
    may, may_not = (Probe(ImageType.PNG, 4000, height, 1) for height in (3000, 3001))
    assert cost(may).memory_bytes > 1.2 * cost(may_not).memory_bytes


def test_for_a_preview_an_image_is_decoded_larger_than_its_box_needs() -> None:
    box = Options(ImageType.JPG, max_width=100)
    asked = replace(box, description_request=DescriptionRequest(alt_text=True, file_name=False))
    larger = cost(options=asked).memory_bytes - cost(options=box).memory_bytes
    assert larger == pytest.approx(4 * (2000 * 1500 - 500 * 375), rel=0.1)  # half a side, an eighth


def test_every_frame_counts_if_the_result_is_an_animation() -> None:
    still, moving = Probe(ImageType.GIF, 500, 400, 1), Probe(ImageType.GIF, 500, 400, 20)
    to_webp = [cost(probe, Options(), size=200_000).cpu_seconds for probe in (still, moving)]
    to_jpg = [
        cost(probe, Options(ImageType.JPG), size=200_000).cpu_seconds for probe in (still, moving)
    ]
    assert to_webp[1] > 5 * to_webp[0]
    assert to_jpg[1] < 1.1 * to_jpg[0]


def test_an_upload_that_may_pass_through_costs_a_second_decoding() -> None:
    stays = cost(options=Options(ImageType.JPG, 90)).cpu_seconds
    marked = cost(options=Options(ImageType.JPG, 90, watermark=Watermark())).cpu_seconds
    assert stays > marked


def test_few_bytes_of_a_png_are_not_taken_for_little_work() -> None:
    to_avif = Options(ImageType.AVIF)
    crafted, photograph = (
        cost(Probe(ImageType.PNG, 4000, 3000, 1), to_avif, size=size)
        for size in (50_000, 18_000_000)
    )
    assert crafted.cpu_seconds > 2 * photograph.cpu_seconds


@pytest.mark.parametrize("to", OUTPUT_TYPES)
@pytest.mark.parametrize("effort", Effort)
def test_what_is_expected_is_no_more_than_what_is_possible(to: ImageType, effort: Effort) -> None:
    for kind in ImageType:
        for side in (100, 1000, 8000):
            for frames in (1, 5):
                probe = Probe(kind, side, side, frames)
                found = cost(probe, Options(to), effort, size=side * side)
                assert 0 < found.cpu_seconds <= found.max_cpu_seconds, (kind, side, frames)


def test_a_small_photograph_can_take_a_second_at_most() -> None:
    small = Probe(ImageType.JPG, 640, 427, 1)
    for to in (ImageType.WEBP, ImageType.JPG):
        assert cost(small, Options(to), size=112_000).max_cpu_seconds <= 1


def test_a_jpeg_too_large_for_jpeglis_own_scans_costs_the_search() -> None:
    within, above = (
        cost(Probe(ImageType.PNG, side, side, 1), Options(ImageType.JPG), size=side * side)
        for side in (6300, 6350)
    )
    assert above.cpu_seconds > 1.3 * within.cpu_seconds
