"""A line that breaks: every image arrives, in batches that get through, and is paid once."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import fluximage
from fluximage import Done, Failed
from shared.plans import Plan
from shared.services import Services
from tests.client.line import Line
from tests.client.test_journal import all_names, finished, killed, start, used
from tests.support.client import Client
from tests.support.making import make_account, png

MORE_KILLS = [("on_post", 2), ("on_post", 5), ("on_answer", 1), ("on_answer", 5)]


def make(folder: Path, sizes: list[int]) -> Path:
    """Pictures of about so many bytes."""
    folder.mkdir()
    for number, size in enumerate(sizes):
        (folder / f"{number:02}.png").write_bytes(png(9, 9) + bytes(size))
    return folder


def counted(line: Line) -> Callable[[], int]:
    """Counts the attempts from now on."""
    counter = itertools.count()
    line.on_post = lambda: next(counter)
    return lambda: next(counter)


def up_to(largest: int, count: int) -> list[int]:
    """Sizes of all kinds."""
    return [largest // 10 + largest * 9 // 10 * (7 * n % count) // count for n in range(count)]


@pytest.mark.parametrize(
    ("cut", "sizes", "most"),
    [
        (300_000, up_to(250_000, 24), 60),
        (1_500_000, up_to(1_300_000, 24), 50),
        pytest.param(15_000_000, up_to(13_000_000, 24), 50, marks=pytest.mark.full),
    ],
)
def test_it_finds_batches_that_a_line_takes(
    by_line: fluximage.Client, line: Line, tmp_path: Path, cut: int, sizes: list[int], most: int
) -> None:
    line.cut_after_bytes = cut
    line.lose_answers = 2
    attempts = counted(line)
    folder = make(tmp_path / "photos", sizes)
    results = list(by_line.compress(folder))
    assert sorted(r.source.name for r in results) == all_names(folder)
    assert by_line.usage().compressor_used == sum(isinstance(r, Done) for r in results) == 24
    assert line.lose_answers == 0
    assert attempts() < most


def test_a_batch_that_was_accepted_unheard_is_found(
    by_line: fluximage.Client, line: Line, folder: Path
) -> None:
    line.lose_answers = 1
    attempts = counted(line)
    results = list(by_line.compress(folder / "hüte", session_id="hats"))
    assert sum(isinstance(r, Done) for r in results) == 8
    assert {r.image.batch_id for r in results if isinstance(r, Done)} == {
        image.batch_id for image in by_line.session("hats").images
    }
    assert attempts() == 2
    assert by_line.usage().compressor_used == 8


def test_warnings_of_a_batch_that_was_accepted_unheard_arrive(
    service: Services, line: Line, folder: Path
) -> None:
    line.lose_answers = 1
    _, key = make_account(service, Plan.FREE)
    with fluximage.Client(line.url, key) as free:
        results = list(free.compress(folder / "hüte", watermark=png()))
    assert [[w.code for w in r.warnings] for r in results if isinstance(r, Done)] == [
        ["watermark_not_available"]
    ] * 8


def test_a_file_that_the_line_never_takes_is_named(
    client: Client, line: Line, tmp_path: Path
) -> None:
    line.cut_after_bytes = 600_000
    folder = make(tmp_path / "photos", [100_000, 200_000, 9_000_000])
    with fluximage.Client(line.url, client.key, retry_seconds=4) as hasty:
        results = hasty.compress(folder)
        assert {next(results).source.name, next(results).source.name} == {"00.png", "01.png"}
        with pytest.raises(fluximage.Temporary, match=r"02\.png did not get through") as caught:
            next(results)
    assert caught.value.code == "upload_broken"
    assert used(client) == 2


@pytest.mark.full
def test_a_file_that_the_line_never_takes_fails_alone_while_others_pass(
    by_line: fluximage.Client, line: Line, tmp_path: Path
) -> None:
    line.cut_after_bytes = 600_000
    folder = make(tmp_path / "photos", [9_000_000, *up_to(500_000, 200)])
    results = list(by_line.compress(folder))
    assert len(results) == 201
    (failed,) = (r for r in results if isinstance(r, Failed))
    assert (failed.source.name, failed.code) == ("00.png", "upload_broken")
    assert by_line.usage().compressor_used == 200


@pytest.mark.parametrize(
    ("point", "time"),
    [
        ("on_post", 4),
        ("on_answer", 2),
        *(pytest.param(*case, marks=pytest.mark.full) for case in MORE_KILLS),
    ],
)
def test_killed_on_a_breaking_line_nothing_is_paid_twice(
    client: Client, line: Line, tmp_path: Path, point: str, time: int
) -> None:
    line.cut_after_bytes = 1_500_000
    folder = make(tmp_path / "photos", up_to(900_000, 12))
    process = start(client, line.url, folder)
    counter, lock = itertools.count(1), threading.Lock()

    def kill() -> None:
        with lock:
            if next(counter) == time:
                process.kill()
                process.wait()

    setattr(line, point, kill)
    assert killed(process)
    assert finished(start(client, line.url, folder)) == all_names(folder)
    assert used(client) == 12
