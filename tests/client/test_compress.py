"""Client.compress: a folder in batches, each image yielded as it ends and paid once."""

import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import fluximage
from fluximage import Done, Failed, Source
from shared.plans import Plan
from shared.services import Services
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import make_account, png
from tests.support.processes import eventually


def names(results: Sequence[Done | Failed]) -> list[str]:
    return sorted(result.source.name for result in results)


def test_a_folder_is_done_with_its_tree(flux: fluximage.Client, folder: Path) -> None:
    results = list(flux.compress(folder, format="png", max_width=5))
    below = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
    assert names(results) == below
    for result in results:
        assert isinstance(result, Done)
        assert isinstance(result.source.content, Path)
        assert result.image.original_size == result.source.content.stat().st_size
        assert result.image.width == 5
    assert len({r.image.batch_id for r in results if isinstance(r, Done)}) == 2
    assert flux.usage().compressor_used == 24


def test_files_that_cannot_be_sent_fail_alone(flux: fluximage.Client, tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "text.png").write_bytes(b"This is not an image.")
    with (tmp_path / "huge.png").open("wb") as huge:
        huge.truncate(20 * 1024 * 1024 + 1)
    (tmp_path / "pipe.png").symlink_to("nowhere")  # links are left out of a folder
    (tmp_path / ".hidden.png").write_bytes(png())
    results = list(flux.compress([tmp_path, tmp_path / "missing.jpg", "/dev/null"]))
    codes = {r.source.name: r.code for r in results if isinstance(r, Failed)}
    assert codes == {
        "huge.png": "file_too_large",
        "missing.jpg": "unreadable_file",
        "null": "unreadable_file",
        "text.png": "unsupported_image",
    }
    assert names([r for r in results if isinstance(r, Done)]) == ["good.png"]
    assert flux.usage().compressor_used == 1


def test_a_file_that_changes_while_it_is_sent_fails_alone(
    flux: fluximage.Client, tmp_path: Path
) -> None:
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    first.write_bytes(png())
    second.write_bytes(png())

    def change(count: int) -> None:
        if count > 0:
            second.write_bytes(png(colour="blue"))

    results = list(flux.compress([first, second], on_upload=change))
    assert {r.source.name: getattr(r, "code", "done") for r in results} == {
        "1.png": "done",
        "2.png": "file_changed",
    }
    assert flux.usage().compressor_used == 1


def test_the_bytes_that_were_sent_are_told(
    by_line: fluximage.Client, line: Line, folder: Path
) -> None:
    line.lose_answers = 1
    told: list[int] = []
    list(by_line.compress(folder, on_upload=told.append))
    assert sum(told) == sum(path.stat().st_size for path in folder.rglob("*.png"))
    assert min(told) < 0  # of the batch that was sent twice


def test_a_warning_about_the_batch_stands_at_each_image(client: Client, service: Services) -> None:
    _, key = make_account(service, Plan.FREE)
    with fluximage.Client(client.url, key) as free:
        (result,) = free.compress([Source(png(), "a.png")], watermark=png())
    assert isinstance(result, Done)
    assert "watermark_not_available" in {warning.code for warning in result.warnings}


def test_a_plan_that_is_used_up_is_raised_after_what_was_done(
    client: Client, service: Services, folder: Path
) -> None:
    _, key = make_account(service, Plan.FREE)
    with fluximage.Client(client.url, key) as free:
        results = free.compress(folder)
        assert len(list(itertools.islice(results, 20))) == 20
        with pytest.raises(fluximage.PlanError):
            next(results)


def test_a_bad_option_is_raised(flux: fluximage.Client, folder: Path) -> None:
    with pytest.raises(fluximage.BadRequest, match="quality"):
        list(flux.compress(folder, quality=7))


def test_lost_answers_are_paid_once(by_line: fluximage.Client, line: Line, folder: Path) -> None:
    line.lose_answers = 2
    results = list(by_line.compress(folder))
    assert len(results) == len(set(names(results))) == 24
    assert line.cuts == 2
    assert by_line.usage().compressor_used == 24


def test_a_line_that_never_takes_a_whole_batch_gets_smaller_ones(
    by_line: fluximage.Client, line: Line, tmp_path: Path
) -> None:
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png() + bytes(5_000_000))
    line.cut_after_bytes = 12_000_000  # more than the system keeps back
    results = list(by_line.compress(tmp_path))
    assert len(results) == 4
    assert line.cuts >= 1
    assert by_line.usage().compressor_used == sum(isinstance(r, Done) for r in results) == 4


def test_where_events_fail_it_polls(by_line: fluximage.Client, line: Line, folder: Path) -> None:
    line.blocked = b"/events "
    assert len(list(by_line.compress(folder))) == 24


def test_a_session_of_others_gives_only_what_was_sent(flux: fluximage.Client, folder: Path) -> None:
    stranger = [Source(png(), "00.png")]
    flux.send(stranger, session_id="ours", wait_seconds=None)
    results = list(flux.compress(folder / "hüte", session_id="ours"))
    flux.send(stranger, session_id="ours", wait_seconds=None)
    assert names(results) == [f"{number:02}.png" for number in range(8)]
    assert {r.image.session_id for r in results if isinstance(r, Done)} == {"ours"}


def test_two_threads_share_a_client(flux: fluximage.Client, folder: Path) -> None:
    found: Counter[str] = Counter()

    def run(name: str) -> None:
        found.update(r.source.name for r in flux.compress(folder / name, session_id="both"))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("shoes", "hüte")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found.values()) == len(found) == 24


def test_a_deleted_session_fails_what_was_open(flux: fluximage.Client, folder: Path) -> None:
    results: list[Done | Failed] = []
    for result in flux.compress(folder / "hüte", session_id="gone"):
        if not results:
            flux.delete("gone")
        results.append(result)
    assert len(results) == 8
    codes = {r.code for r in results if isinstance(r, Failed)}
    assert codes <= {"cancelled", "not_found"}


def test_a_caller_that_stops_reading_ends_the_uploads(flux: fluximage.Client, folder: Path) -> None:
    for _ in flux.compress(folder):
        break
    own = [t for t in threading.enumerate() if t.name == "fluximage"]
    flux.close()
    assert eventually(lambda: not any(thread.is_alive() for thread in own), 40)
