"""Following a session by its server-sent events, over a line that breaks."""

from pathlib import Path

import pytest

import fluximage
from fluximage import Source
from tests.client.line import Line
from tests.support.client import Client
from tests.support.making import png


@pytest.fixture(autouse=True)
def has_events(client: Client) -> None:
    client.compress([("a.png", png())], {"sessionId": "probe"})
    if client.call("GET", "/api/sessions/probe/events").status_code == 404:
        pytest.skip("this service has no events")


def test_a_session_is_followed_to_its_end(flux: fluximage.Client) -> None:
    files = [Source(png(), "a.png"), Source(b"text", "b.png")]
    flux.send(files, session_id="s")
    *ended, last = flux.events("s")
    assert [event.image.original_name for event in ended if event.image] == ["a.png"]
    assert [event.error.original_name for event in ended if event.error] == ["b.png"]
    assert last.status == "completed"
    assert list(flux.events("s", cursor=last.cursor)) == []
    rest = [event.cursor for event in flux.events("s", cursor=ended[0].cursor)]
    assert rest == [ended[1].cursor, last.cursor]


def test_compress_follows_by_events(by_line: fluximage.Client, line: Line, folder: Path) -> None:
    line.blocked = b"wait=20"  # of a poll
    assert len(list(by_line.compress(folder / "shoes"))) == 16
    assert line.cuts == 0
