"""The client's calls around a session, and of the account, with the real ones."""

import csv
import io
import zipfile
from pathlib import Path

import pytest

import fluximage
from fluximage import Options, Source
from infra.dev.messages_api import Answer, MessagesApi
from tests.support.making import png, saying
from tests.support.webhook_receiver import receiver

PICTURE = Source(png(), "a/b/picture.png")


def test_the_sessions_are_listed_newest_first_and_page_by_page(flux: fluximage.Client) -> None:
    names = [f"s{number:02}" for number in range(3)]
    for name in names:
        flux.send([PICTURE], session_id=name, wait_seconds=None)
    listed = list(flux.sessions())
    assert [session.session_id for session in listed] == names[::-1]
    assert {(s.status, s.progress.completed) for s in listed} == {("completed", 1)}


def test_cancel_keeps_what_is_done_and_delete_ends_the_session(flux: fluximage.Client) -> None:
    flux.send([PICTURE], session_id="s", wait_seconds=None)
    flux.send([Source(png(999, 999), f"{n}.png") for n in range(20)], session_id="s")
    page = flux.cancel("s")
    assert page.status == "completed"
    assert page.progress.completed + page.progress.cancelled == page.progress.total == 21
    assert "picture.png" in {image.original_name for image in flux.session("s").images}
    flux.send([PICTURE], session_id="s")
    assert flux.delete("s").status == "cancelled"
    with pytest.raises(fluximage.Conflict):
        flux.retry("s")


def test_retry_makes_a_text_that_was_missing(flux: fluximage.Client, model: MessagesApi) -> None:
    busy = Answer(status=429, headers={"retry-after": "60"})
    model.script += [busy, saying("Red shoes", "red-shoes")]
    asking = Options(alt_text=True)
    (first,) = flux.send([PICTURE], asking, session_id="s", wait_seconds=None).images
    assert first.alt_text is None
    assert flux.retry("s").retried == 1
    assert [event.status for event in flux.events("s")][-1] == "completed"
    (again,) = flux.session("s").images
    assert (again.alt_text, again.retry_of) == ("Red shoes", first.id)
    assert flux.retry("s").retried == 0


def test_an_archive_has_the_tree_and_a_manifest(flux: fluximage.Client, tmp_path: Path) -> None:
    names = ["a/b/picture.png", "照片/图.png"]
    flux.send([Source(png(), name) for name in names], session_id="s", wait_seconds=None)
    buffer = io.BytesIO()
    flux.archive("s", buffer)
    flux.archive("s", tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert archive.testzip() is None
        assert {"a/b/picture.webp", "照片/图.webp"} < set(archive.namelist())
        assert archive.namelist() == zipfile.ZipFile(buffer).namelist()
        text = archive.read("manifest.csv").decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == 3


def test_without_a_finished_image_there_is_no_archive_and_no_file(
    flux: fluximage.Client, tmp_path: Path
) -> None:
    flux.send([Source(b"text", "notes.txt")], session_id="s", wait_seconds=None)
    with pytest.raises(fluximage.NotFound):
        flux.archive("s", tmp_path / "s.zip")
    assert list(tmp_path.iterdir()) == []


def test_the_secret_verifies_a_webhook_of_a_call(flux: fluximage.Client) -> None:
    secret = flux.new_webhook_secret()
    with receiver() as there:
        (result,) = flux.compress(PICTURE, webhook_url=there.url)
        event = there.wait_for(1)[0].verified(secret)
    assert isinstance(result, fluximage.Done)
    assert event["data"]["batch_id"] == result.image.batch_id
    assert flux.new_webhook_secret() != secret


@pytest.mark.parametrize("call", ["retry", "cancel", "delete"])
def test_a_session_that_does_not_exist_is_not_found(flux: fluximage.Client, call: str) -> None:
    with pytest.raises(fluximage.NotFound):
        getattr(flux, call)("nowhere")
