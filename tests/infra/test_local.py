"""`fluximage compress --local`: the engine in processes of this machine."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fluximage import Done, Failed, Options, Source
from infra.commands.main import cli
from infra.local.engine import LocalEngine
from infra.local.pool import Pool
from infra.local.worker import Job, Limits, Made, Refused
from shared import models
from shared.imagetype import ImageType
from shared.models import Effort
from tests.support.making import png
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import probe

LIMITS = Limits(100_000_000, 1_000, 150_000_000, None, Effort.BALANCED)
JOB = Job(png(60, 40), models.Options(), None)


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine()
    yield made
    made.close()


def results(engine: LocalEngine, options: Options, *sources: Source) -> list[Done | Failed]:
    return list(
        engine.compress(sources, options, session_id=None, journal=None, on_upload=lambda _: None)
    )


def test_the_result_is_the_services_byte_for_byte(engine: LocalEngine) -> None:
    data, mark = png(300, 200), png(40, 20)
    asked = Options(format="avif", max_width=200, watermark=mark, watermark_opacity=0)
    (done,) = results(engine, asked, Source(data, "a.png"))
    assert isinstance(done, Done)
    made = io.BytesIO()
    engine.save(done, made)
    options = models.Options(
        ImageType.AVIF, max_width=200, watermark=models.Watermark(opacity_percent=0)
    )
    assert made.getvalue() == process(ImageJob(data, probe(data), options, mark)).data


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no image", "unsupported_image"),
        (png(60, 40)[:60], "corrupt_image"),
        (Path("/nonexistent/a.png"), "unreadable_file"),
    ],
)
def test_a_bad_file_fails_alone(engine: LocalEngine, content: Path | bytes, code: str) -> None:
    sources = [Source(content, "bad.png"), Source(png(60, 40), "good.png")]
    ended = {one.source.name: one for one in results(engine, Options(), *sources)}
    bad = ended["bad.png"]
    assert isinstance(bad, Failed)
    assert bad.code == code
    assert isinstance(ended["good.png"], Done)


def test_a_file_that_ends_its_process_fails_alone() -> None:
    pool = Pool(1, LIMITS, limit_seconds=60)

    def jobs() -> Iterator[Job]:
        yield JOB
        process = pool._processes[0]._process
        assert process is not None
        os.kill(process.pid or 0, signal.SIGKILL)
        yield JOB
        yield JOB

    try:
        ended = dict(pool.run(jobs()))
    finally:
        pool.close()
    assert isinstance(ended[1], Refused)
    assert ended[1].code == "processing_failed"
    assert isinstance(ended[0], Made)
    assert isinstance(ended[2], Made)


def test_work_that_takes_too_long_is_ended() -> None:
    pool = Pool(1, LIMITS, limit_seconds=0)
    try:
        ((_, ended),) = pool.run([JOB])
    finally:
        pool.close()
    assert ended == Refused("processing_failed", "It took longer than 0 seconds")


def test_a_caller_that_leaves_ends_every_process() -> None:
    pool = Pool(2, LIMITS, limit_seconds=60)
    running = pool.run([JOB] * 20)
    next(running)
    pids = [one._process.pid for one in pool._processes if one._process]
    assert pids
    running.close()  # type: ignore[attr-defined] # an iterator that is a generator
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid or 0, 0)


def test_the_command_keeps_the_tree_without_a_server(tmp_path: Path) -> None:
    photos = tmp_path / "photos" / "red"
    photos.mkdir(parents=True)
    (photos / "a.png").write_bytes(png(60, 40))
    out = tmp_path / "web"
    ran = CliRunner().invoke(
        cli, ["compress", "--local", str(tmp_path / "photos"), "--out", str(out)]
    )
    assert ran.exit_code == 0, ran.output
    assert (out / "red" / "a.webp").exists()


def test_texts_by_ai_need_a_server(tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["compress", "--local", "--alt-text", str(tmp_path)])
    assert ran.exit_code == 2
    assert "--alt-text needs a server" in ran.output
