"""The tools of `fluximage mcp`, by the official SDK."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from fluximage.client import Client
from fluximage.command import records
from fluximage.command.engine import FIRST_WORD_SECONDS
from fluximage.command.exits import CommandError
from fluximage.command.mcp_compress import Wish, compress
from fluximage.command.mcp_root import Root
from fluximage.command.profile import Server
from fluximage.command.screen import sentence_of
from fluximage.errors import FluximageError
from fluximage.options import Format

SHOWN = 100
INSTRUCTIONS = (
    "Makes images smaller. Paths are below {root}, and folders are taken with what is in them."
    " No file is replaced and nothing is deleted. Each image counts against the user's plan."
)
READS = ToolAnnotations(read_only_hint=True, open_world_hint=True)
WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
Side = Annotated[int | None, Field(ge=1, le=65535, description="Pixels; scales down, never up.")]


def serve(root: Path, server: Server) -> None:
    """Serve the tools until standard input ends. The SDK keeps standard output for itself."""
    make_server(Root(root), server).run("stdio")


def make_server(root: Root, server: Server) -> MCPServer:
    """The three tools; errors of ours are sentences for the agent."""
    made = MCPServer(
        "fluximage", instructions=INSTRUCTIONS.format(root=root.path), log_level="WARNING"
    )

    @made.tool(annotations=WRITES)
    def compress_files(
        paths: Annotated[
            list[str],
            Field(min_length=1, max_length=1000, description="Images, and folders of images."),
        ],
        out: Annotated[
            str | None, Field(description="A folder for the results; else beside the originals.")
        ] = None,
        format: Format = "webp",
        quality: Annotated[int | None, Field(ge=40, le=100)] = None,
        max_width: Side = None,
        max_height: Side = None,
        alt_text: Annotated[
            bool, Field(description="Write an alt text for each image; an AI credit each.")
        ] = False,
    ) -> dict[str, Any]:
        """Make images smaller, and write the results as new files.

        The same call again does, and pays, only what is new or failed.
        """
        wish = Wish(paths, out, format, quality, max_width, max_height, alt_text)
        return _told(lambda: compress(root, server, wish))

    @made.tool(annotations=READS)
    def session(
        session_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")],
    ) -> dict[str, Any]:
        """Tell the state of a session on the server, and the first images and failures of it."""
        return _told(lambda: _session(server, session_id))

    @made.tool(annotations=READS)
    def usage() -> dict[str, Any]:
        """Tell the user's plan, and the images and AI credits that it has left."""
        return _told(lambda: _usage(server))

    return made


def _told(ask: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = ask()
    except (CommandError, FluximageError) as error:
        raise ToolError(sentence_of(error)) from error
    return answer


def _asking(server: Server) -> Client:
    return Client(server.url, server.api_key, retry_seconds=FIRST_WORD_SECONDS)


def _session(server: Server, session_id: str) -> dict[str, Any]:
    with _asking(server) as client:
        page = client.session(session_id, limit=SHOWN)
    images = [records.image_record(image) for image in page.images]
    for image in images:
        image.pop("url")  # whoever reads what the agent wrote down could fetch the image
    return {
        "session_id": page.session_id,
        "status": page.status,
        "progress": asdict(page.progress),
        "images": images,
        "failures": [asdict(failure) for failure in page.errors],
        "shows_all": len(page.images) + len(page.errors) < SHOWN,
    }


def _usage(server: Server) -> dict[str, Any]:
    with _asking(server) as client:
        usage = client.usage()
    return {"images_left": usage.images_left} | asdict(usage)
