"""`fluximage mcp`, called by the official SDK's own client."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp import StdioServerParameters

from tests.client.command.conftest import Fx, argv, environment, used
from tests.support.client import Client
from tests.support.making import png

Talk = Callable[[mcp.Client], Coroutine[Any, Any, None]]


@pytest.fixture
def site(account: Client, here: Path) -> Path:
    """The root: two images, a text, and links that lead in and out; a secret beside it."""
    assert account.key
    for name in ("photos/a.png", "photos/red/a.png"):
        (here / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "site" / name).write_bytes(png(30, 20 + len(name)))
    (here / "site/key.txt").write_text("secret")
    (here / "secret.png").write_bytes(png(77))
    (here / "site/out.png").symlink_to(here / "secret.png")
    (here / "site/in.png").symlink_to(here / "site/photos/a.png")
    (here / "elsewhere").mkdir()
    (here / "site/away").symlink_to(here / "elsewhere")
    return here / "site"


def talk(site: Path, say: Talk) -> None:
    """Starts the command as an agent does, and calls it."""
    program, *arguments = argv("mcp", "--root", site)
    server = StdioServerParameters(command=program, args=arguments, env=environment())

    async def run() -> None:
        async with mcp.Client(server, read_timeout_seconds=120) as client:
            await say(client)

    asyncio.run(run())


def test_the_tools_compress_and_tell_of_sessions_and_usage(site: Path, account: Client) -> None:
    account.compress([("b.png", png(50))], {"sessionId": "sale"})

    async def say(client: mcp.Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["compress_files", "session", "usage"]
        wish = {"paths": ["photos", "in.png"], "out": "web", "format": "avif", "max_width": 15}
        for run in range(2):
            done = (await client.call_tool("compress_files", wish)).structured_content
            assert done is not None
            assert (done["done"], done["done_before"]) == ((2, 0), (0, 2))[run]
            images = {one["source"]: (one["target"], one["width"]) for one in done["images"]}
            assert images["photos/red/a.png"] == ("web/red/a.avif", 15)
        told = (await client.call_tool("session", {"session_id": "sale"})).structured_content
        assert told is not None
        assert (told["status"], told["images"][0]["file_name"]) == ("completed", "b.webp")
        assert "url" not in told["images"][0]
        left = (await client.call_tool("usage")).structured_content
        assert left is not None
        assert (left["plan"], left["compressor_used"]) == ("agency", 3)

    talk(site, say)


def test_no_path_leads_out_and_only_images_are_sent(site: Path, account: Client) -> None:
    async def refused(client: mcp.Client, **wish: Any) -> str:
        answer = await client.call_tool("compress_files", {"paths": ["photos"], **wish})
        assert answer.is_error
        return str(answer.content)

    async def say(client: mcp.Client) -> None:
        for path in ("..", "/etc", "../secret.png", "out.png", "away", "a\0b"):
            assert "the only folder that is open here" in await refused(client, paths=[path])
            assert "the only folder that is open here" in await refused(client, out=f"{path}/x")
        (site / "web").mkdir()
        (site / "web/red").symlink_to(site.parent / "elsewhere")
        assert "the only folder" in await refused(client, out="web")
        (site / "web/red").unlink()
        (site / "web/.fluximage.lock").symlink_to(site.parent / "secret.png")
        assert "the only folder" in await refused(client, out="web")
        text = await client.call_tool("compress_files", {"paths": ["key.txt"]})
        assert text.structured_content is not None
        assert text.structured_content["failures"][0]["code"] == "not_an_image"

    talk(site, say)
    assert used(account) == 0
    assert os.listdir(site.parent / "elsewhere") == []


def test_nothing_is_replaced(site: Path, account: Client) -> None:
    (site / "photos/a.webp").write_text("mine")

    async def say(client: mcp.Client) -> None:
        answer = await client.call_tool("compress_files", {"paths": ["photos/a.png"]})
        assert answer.is_error
        assert "a.webp exists" in str(answer.content)

    talk(site, say)
    assert (site / "photos/a.webp").read_text() == "mine"
    assert used(account) == 0


def test_an_error_of_the_server_is_a_sentence_for_the_agent(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXIMAGE_API_KEY", "flx_live_" + "0" * 40)

    async def say(client: mcp.Client) -> None:
        for tool, wish in (("usage", {}), ("compress_files", {"paths": ["photos"]})):
            answer = await client.call_tool(tool, wish)
            assert answer.is_error
            assert "The server does not know this key" in str(answer.content)

    talk(site, say)


def test_without_the_extra_it_says_what_to_install(account: Client, here: Path) -> None:
    assert account.key
    code = "import sys; sys.modules['mcp'] = None; from fluximage.command.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "mcp", "--root", here],
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'fluximage-client[mcp]'" in done.stderr


def test_it_starts_with_a_root_and_a_server_alone(fx: Fx, here: Path) -> None:
    assert "--root" in fx("mcp").stderr
    assert "No server is set" in fx("mcp", "--root", here).stderr
