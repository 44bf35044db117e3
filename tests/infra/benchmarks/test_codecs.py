"""The arithmetic of the codec benchmark on small examples, and one short run of it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from infra.benchmarks.codecs import pictures, sharp
from infra.benchmarks.codecs.__main__ import as_json
from infra.benchmarks.codecs.calibrate import rewritten
from infra.benchmarks.codecs.curves import (
    Sample,
    at_score,
    calibrated,
    inverse_at,
    ratio,
    running_maximum,
    value_at,
)
from infra.benchmarks.codecs.encoder import EncodedFile, Encoder, Point, interleaved
from infra.benchmarks.codecs.native_encoders import TURBO, NativeEncoder
from infra.benchmarks.codecs.quality import calibrate
from infra.benchmarks.codecs.report import comparisons, parity
from infra.benchmarks.codecs.run import Plan, run
from infra.benchmarks.codecs.scoring import start_scorer
from infra.benchmarks.codecs.sweep import measure
from infra.benchmarks.codecs.tables import lines
from shared.errors import OperatorError
from tests.support.paths import ROOT, SAMPLES

CURVE = [(10.0, 20.0), (20.0, 40.0), (40.0, 50.0)]


def nothing(_: str) -> None:
    """Discards progress."""


def test_a_curve_is_a_straight_line_between_its_points_and_ends_with_them() -> None:
    assert [value_at(CURVE, x) for x in (9.9, 15, 36, 40.1)] == [None, 30, 48, None]


def test_two_points_at_the_same_x_do_not_divide_by_zero() -> None:
    assert value_at([(1, 5), (1, 7), (2, 9)], 1) == 5


def test_a_dip_is_raised_to_the_maximum_before_it() -> None:
    assert running_maximum([(1, 5), (2, 4), (3, 6)]) == [(1, 5), (2, 5), (3, 6)]


def test_the_inverse_is_the_x_at_which_a_value_is_reached_or_the_nearer_end() -> None:
    assert [inverse_at(CURVE, y) for y in (1, 30, 48, 99)] == [10, 15, 36, 40]


def test_the_inverse_of_a_constant_part_is_its_start() -> None:
    assert inverse_at([(1, 5), (2, 6), (9, 6), (10, 7)], 6) == 2


def test_a_calibrated_encoder_quality_has_the_score_of_the_target() -> None:
    assert calibrated(CURVE, [(40, 30), (70, 40), (100, 45)]) == [(40, 15), (70, 20), (100, 30)]


def test_a_calibrated_encoder_quality_never_falls_as_quality_rises() -> None:
    assert calibrated(CURVE, [(40, 30), (70, 20), (100, 40)]) == [(40, 15), (70, 15), (100, 20)]


def test_bytes_between_two_samples_are_interpolated_by_their_logarithm() -> None:
    found = at_score([Sample(80, 1600, 3), Sample(60, 100, 1)], 70)
    assert found is not None
    assert found.size == pytest.approx(400)
    assert found.cpu_seconds == 2


def test_a_score_that_was_not_reached_has_no_sample() -> None:
    assert at_score([Sample(60, 100, 1), Sample(80, 1600, 3)], 81) is None


def test_a_ratio_has_the_sums_and_the_geometric_mean_side_by_side() -> None:
    found = ratio(
        [
            (Sample(70, 100, 1), Sample(70, 200, 4)),
            (Sample(70, 1000, 3), Sample(70, 500, 4)),
        ]
    )
    assert found is not None
    assert found.pictures == 2
    assert found.bytes_sum == pytest.approx(1100 / 700)
    assert found.bytes_mean == pytest.approx(1)
    assert found.cpu == 0.5


def test_a_picture_counts_only_if_both_encoders_reach_the_score() -> None:
    def points(encoder: str, picture: str, best: float) -> list[Point]:
        return [
            Point(encoder, picture, 1, 100, 1, 50),
            Point(encoder, picture, 2, 100, 1, best),
        ]

    measured = [
        *points("one", "a", 80),
        *points("two", "a", 80),
        *points("one", "b", 80),
        *points("two", "b", 60),
    ]
    (row,) = comparisons(measured, [("one", "two"), ("one", "absent")], [70, 90])
    assert [(at["score"], at["pictures"]) for at in row["at"]] == [(70, 1)]


def test_formats_are_apart_by_the_best_minus_the_worst() -> None:
    scores = {
        "ours webp balanced": (60.0, 70.0),
        "ours avif balanced": (61.0, 74.0),
        "ours jpg balanced": (62.5, 71.0),
        "libjpeg-turbo 4:2:0": (50.0, 90.0),
    }
    rows = {
        name: [{"number": q, "score": score} for q, score in zip((40, 50), pair, strict=True)]
        for name, pair in scores.items()
    }
    found = parity(rows)
    assert [row["apart"] for row in found["at"]] == [2.5, 4]
    assert found["most_apart"] == 4


def test_encoders_take_turns_until_the_last_has_ended() -> None:
    def refuse(_image: Image.Image, _quality: int) -> EncodedFile:
        raise NotImplementedError

    one, two = Encoder("one", "jpg", (1, 2, 3), refuse), Encoder("two", "jpg", (7,), refuse)
    turns = [(encoder.name, quality) for encoder, quality in interleaved([one, two])]
    assert turns == [("one", 1), ("two", 7), ("one", 2), ("one", 3)]


def test_tiles_are_mirrored_edge_to_edge() -> None:
    image = Image.new("L", (2, 1))
    image.putdata([10, 200])
    assert pictures.tiled(image, 6, 2).tobytes() == bytes([10, 200, 200, 10, 10, 200] * 2)


@pytest.mark.full
def test_the_pictures_of_a_folder_are_scaled_and_other_files_are_skipped() -> None:
    found = pictures.load(SAMPLES, 64)
    assert "LICENSES.md" not in [picture.name for picture in found]
    assert len(found) == 6
    assert {max(picture.image.size) for picture in found} == {64}
    assert {picture.image.mode for picture in found} == {"RGB"}


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no photographs"):
        pictures.load(tmp_path, 64)


def test_a_lossless_encoder_that_changes_a_pixel_is_an_error() -> None:
    picture = pictures.Picture("a", Image.new("RGB", (64, 64), "red"))
    other = Image.new("RGB", (64, 64), "red")
    other.putpixel((63, 63), (254, 0, 0))
    wrong = Encoder("wrong", "png", (1,), lambda _image, _quality: EncodedFile(png(other), 0))
    with start_scorer() as scorer, pytest.raises(OperatorError, match="wrong changed pixels of a"):
        measure([picture], [wrong], scorer, nothing)


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.full
def test_a_calibrated_encoder_gets_the_encoder_quality_with_the_score_of_the_quality() -> None:
    def ten_lower(image: Image.Image, encoder_quality: float) -> bytes:
        """libjpeg-turbo that needs ten more for the same file."""
        return TURBO(image, encoder_quality - 10)

    photographs = pictures.load(SAMPLES, 64, 1)
    with start_scorer() as scorer:
        shifted = NativeEncoder(ten_lower, lambda _: "webp")
        found = calibrate({"shifted": shifted}, photographs, scorer, 30, nothing)
    quality, encoder_quality = found.curves["webp"].table[0]
    assert quality == 40
    assert encoder_quality == pytest.approx(50, abs=8)


@pytest.mark.full
def test_each_curve_of_an_encoder_is_calibrated_on_its_own_pictures() -> None:
    def ten_lower_if_red(image: Image.Image, encoder_quality: float) -> bytes:
        return TURBO(image, encoder_quality - 10 if is_red(image) else encoder_quality)

    def is_red(image: Image.Image) -> bool:
        return image.getpixel((0, 0)) == (255, 0, 0)

    plain = pictures.load(SAMPLES, 64, 1)
    red = plain[0].image.copy()
    red.putpixel((0, 0), (255, 0, 0))
    native = NativeEncoder(ten_lower_if_red, lambda image: "jpegli" if is_red(image) else "webp")
    with start_scorer() as scorer:
        found = calibrate(
            {"two": native}, [*plain, pictures.Picture("red", red)], scorer, 30, nothing
        )
    assert found.curves["webp"].table[0][1] == pytest.approx(40, abs=1)
    assert found.curves["jpegli"].table[0][1] == pytest.approx(50, abs=8)


def test_the_page_is_changed_only_between_its_marks() -> None:
    page = "a\n<!-- make calibrate: begin -->\nold\n<!-- make calibrate: end -->\nz\n"
    assert rewritten(page, "new") == page.replace("old", "new")


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(OperatorError, match="has no"):
        rewritten("text", "new")


def test_the_page_on_quality_has_the_marks() -> None:
    assert "new" in rewritten((ROOT / "docs/quality.md").read_text(), "new")


def test_the_lock_file_of_sharp_names_no_download_address() -> None:
    assert '"resolved"' not in (ROOT / "infra/benchmarks/codecs/package-lock.json").read_text()


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One short run without sharp: two small pictures, three qualities."""
    plan = Plan(
        SAMPLES,
        side=160,
        limit=2,
        step=30,
        targets=(60, 70),
        sharp=tmp_path_factory.mktemp("empty"),
        megapixels=0.1,
        resize=(600, 400),
    )
    return run(plan, nothing)


@pytest.mark.full
def test_a_run_without_sharp_says_so_and_compares_nothing_with_it(figures: dict[str, Any]) -> None:
    assert figures["without_sharp"]
    assert not any(name.startswith("sharp") for name in figures["formats"])
    assert any("Only our own figures" in line for line in lines(figures))


@pytest.mark.full
def test_a_run_measures_every_encoder_at_every_quality(figures: dict[str, Any]) -> None:
    lossy = {name for name, format in figures["formats"].items() if format != "png"}
    assert {"ours avif fast", "ours avif small", "ours jpg balanced"} < lossy
    for name in lossy:
        assert [(row[0], row[1]) for row in figures["points"][name]] == [
            (picture, quality) for picture in (0, 1) for quality in (40, 70, 100)
        ]


@pytest.mark.full
def test_more_quality_scores_higher_in_every_format(figures: dict[str, Any]) -> None:
    for name, format in figures["formats"].items():
        scores = [row["score"] for row in figures["means"][name]]
        assert format == "png" or (scores == sorted(set(scores)) and scores[-1] <= 100)


@pytest.mark.full
def test_a_run_measures_resizing_and_memory(figures: dict[str, Any]) -> None:
    assert figures["resize"]["scores"]["ours"] > 90
    for sides in figures["memory"]["formats"].values():
        assert sides["ours"]["peak"] > sides["ours"]["idle"] > 10_000_000


@pytest.mark.full
def test_a_run_ends_in_json_with_one_line_per_figure(figures: dict[str, Any]) -> None:
    text = as_json(figures)
    assert json.loads(text).keys() == figures.keys()
    assert len(text.splitlines()) == len(figures) + 2


needs_sharp = pytest.mark.skipif(
    sharp.missing(ROOT / ".bench") is not None, reason="make bench-codecs installs sharp"
)


@pytest.mark.full
@needs_sharp
def test_sharp_gets_the_same_pixels_as_our_encoders() -> None:
    image = pictures.load(SAMPLES, 64, 1)[0].image
    with sharp.running(ROOT / ".bench") as node:
        made = node.encode(image, "png", {})
        assert made.cpu_seconds > 0
    assert pixels(made.data) == image.tobytes()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.full
@needs_sharp
def test_a_failure_of_sharp_is_an_operator_error() -> None:
    with (
        sharp.running(ROOT / ".bench") as node,
        pytest.raises(OperatorError, match="sharp could not do resize"),
    ):
        node.resize(Path("absent.jpg"), 10)
