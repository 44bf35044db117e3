"""The reader of events in JavaScript that docs/api.md shows, in Node."""

import json
import shutil
import subprocess

import pytest

from tests.docs.blocks import blocks
from tests.support.client import Client
from tests.support.making import png
from tests.support.paths import ROOT


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_reader_of_events_reports_each_image_and_the_end(client: Client) -> None:
    files = [("a.png", png()), ("b.txt", b"no image")]
    assert client.compress(files, {"sessionId": "js"}, {"Prefer": "respond-async"}).is_success
    (block,) = (each for each in blocks(ROOT / "docs/api.md") if each.language == "js")
    told = "(...event) => console.log(JSON.stringify(event))"
    call = f"listen({client.url!r}, {client.key!r}, 'js', {told})"
    done = subprocess.run(
        ["node", "--eval", block.text + call],  # noqa: S607 - the one in PATH
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, _ in events] == ["image", "image", "session"]
    assert sorted(data["original_name"] for _, data in events[:2]) == ["a.png", "b.txt"]
