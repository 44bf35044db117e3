"""What an attack is measured by."""

import dataclasses
import io
import re

import pytest
from PIL import Image

from infra.attacks import files
from infra.attacks.attacks import ATTACKS
from infra.attacks.innocent import Felt, percentile
from infra.attacks.outcome import Outcome, table
from infra.attacks.run import SHORT, Attack, Run, run
from tests.support.paths import ROOT


def feel(run: Run) -> None:
    """Nothing but the measuring."""
    run.feel()


@pytest.mark.full
def test_a_service_that_is_slower_than_allowed_is_reported() -> None:
    never = dataclasses.replace(SHORT, seconds=1, max_p50_ratio=0)
    (violation,) = run(Attack(feel), 1, never).violations
    assert re.fullmatch(r"the innocent account's p50 is [\d.]+ x its idle one", violation)


def test_a_webp_of_30_megapixels_has_at_most_38_bytes() -> None:
    webp = files.tiny_webp()
    assert len(webp) <= 38
    assert Image.open(io.BytesIO(webp)).size == (6_000, 5_000)
    with Image.open(io.BytesIO(files.tiny_webp(60, 50))) as image:
        assert image.getcolors() == [(3_000, (200, 90, 30))]


def test_a_png_of_noise_is_small_and_the_same_for_the_same_seed() -> None:
    png = files.noise_png(9_999, 100, alpha=True, seed=3)
    assert png == files.noise_png(9_999, 100, alpha=True, seed=3)
    with Image.open(io.BytesIO(png)) as image:
        assert len(image.getcolors() or ()) == 16
        assert "transparency" in image.info
    assert len(files.noise_png(9_999, 10_000)) < 400_000


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(value) for value in range(200)], 99) == 198.0


def test_a_violation_stands_below_the_table() -> None:
    felt = Felt(images=[0.1], health=[0.01])
    bad = Outcome("flood", "A flood.", felt, felt, {"open": 3}, ["it held nothing"])
    lines = table([bad]).splitlines()
    assert lines[2] == (
        "| flood | 100 / 100 | 100 / 100 | 1.0 | 1 | 0.0 | 10 / 10 | 10 / 10 | open: 3 | no |"
    )
    assert lines[-1] == "BROKEN by flood: it held nothing"


def test_the_documentation_says_what_every_attack_does() -> None:
    text = (ROOT / "docs/reliability.md").read_text()
    for attack in ATTACKS.values():
        assert f"| `{attack.name}` | {attack.sentence} |" in text
