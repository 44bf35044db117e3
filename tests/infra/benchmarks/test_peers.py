"""The service beside other servers: sharp's answers, the search for equal looks, counted CPU."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from fluximage import Source
from infra.benchmarks.codecs import sharp
from infra.benchmarks.codecs.scoring import start_scorer
from infra.benchmarks.cpu_by_process import cpu_seconds
from infra.benchmarks.peers.looks import Looks, nearest_quality
from infra.benchmarks.peers.run import Plan, run
from infra.benchmarks.peers.sides import Wanted, sharp_server
from shared.errors import OperatorError
from tests.support.paths import ROOT, SAMPLES

needs_sharp = pytest.mark.skipif(
    sharp.missing(ROOT / ".bench") is not None, reason="make bench-peers installs sharp"
)
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def sideways() -> Source:
    """The upper half red and the lower half blue, stored on its side with EXIF that says so."""
    image = Image.new("RGB", (120, 80), "blue")
    image.paste("red", (0, 0, 60, 80))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    return Source(file.getvalue(), "sideways.png")


@needs_sharp
def test_the_server_around_sharp_scales_the_photograph_it_was_sent() -> None:
    path = SAMPLES / "coffee.png"
    with sharp_server(ROOT / ".bench") as side:
        (file,) = side.convert([Source(path, path.name)], Wanted("webp", 90, 320))
    with Image.open(io.BytesIO(file)) as made, Image.open(path) as photograph:
        assert (made.format, made.width) == ("WEBP", 320)
        expected = photograph.convert("RGB").resize(made.size, Image.Resampling.LANCZOS)
        difference = ImageChops.difference(made.convert("RGB"), expected)
        assert max(ImageStat.Stat(difference).mean) < 4


@needs_sharp
def test_the_server_around_sharp_turns_upright_and_never_scales_up() -> None:
    with sharp_server(ROOT / ".bench") as side:
        (file,) = side.convert([sideways()], Wanted("avif", 80, 1600))
    with Image.open(io.BytesIO(file)) as made:
        top, bottom = (made.convert("RGB").getpixel((40, y)) for y in (10, 110))
        assert (made.format, made.size) == ("AVIF", (80, 120))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > bottom[0]
    assert bottom[2] > 200 > top[2]


@needs_sharp
def test_a_refusal_of_sharp_is_an_operator_error_and_the_next_image_is_answered() -> None:
    with sharp_server(ROOT / ".bench") as side:
        with pytest.raises(OperatorError, match="sharp could not convert broken"):
            side.convert([Source(b"broken", "broken")], Wanted("webp", 80))
        assert side.convert([sideways()], Wanted("webp", 80))


@pytest.mark.parametrize(("wanted", "quality"), [(61.2, 61), (61.8, 62), (-5.0, 1), (500.0, 100)])
def test_bisection_finds_the_quality_with_the_nearest_score(wanted: float, quality: int) -> None:
    asked: list[int] = []

    def score(quality: int) -> float:
        asked.append(quality)
        return float(quality)

    assert nearest_quality(score, wanted) == quality
    assert len(asked) == len(set(asked)) <= 9


def test_a_result_without_loss_scores_as_identical_however_the_upload_lies() -> None:
    upright = Image.new("RGB", (80, 120), "blue")
    upright.paste("red", (0, 0, 80, 60))
    file = io.BytesIO()
    upright.save(file, "PNG")
    with start_scorer() as scorer:
        assert Looks(scorer).mean([sideways()], [file.getvalue()]) == pytest.approx(100, abs=0.01)


@needs_proc
def test_the_cpu_of_a_process_has_that_of_processes_far_below_it() -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    # A shell between the two, which waits.
    argv = ["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", burn]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while_it_runs = cpu_seconds(process.pid).total()
        process.communicate(b"\n")
    assert 0.4 < while_it_runs < 5
    assert not cpu_seconds(process.pid)


@needs_proc
@pytest.mark.full
def test_a_run_without_sharp_says_so_and_measures_the_whole_service(tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "a.png").write_bytes((SAMPLES / "chelsea.png").read_bytes())
    started = time.monotonic()
    plan = Plan(photographs, count=3, rounds=1, requests=2, sharp=tmp_path)
    figures = run(plan, lambda _: None)
    assert "sharp is not installed" in figures["without_sharp"]
    for case in figures["cases"].values():
        (ours,) = case["sides"].values()
        assert 0 < ours["wall_seconds"] < time.monotonic() - started
        assert 0 < ours["output_bytes"] < case["input_bytes"]
        assert {"api", "postgres"} < ours["cpu_by_process"].keys()
        assert 50 < ours["score"] < 100
    assert [case["images"] for case in figures["cases"].values()] == [3, 3, 2]
