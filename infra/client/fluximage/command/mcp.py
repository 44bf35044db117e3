"""`fluximage mcp`: compressing as tools of an AI agent, over standard input and output."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Unpack

import click

from fluximage.command.connection import ServerFlags
from fluximage.command.exits import CommandError, Exit
from fluximage.command.profile import SERVER_HELP, find_server, server_options
from fluximage.command.screen import ScreenCommand

SCREEN = f"""\
  fluximage mcp --root ~/site/images
  fluximage mcp --root . --profile staging
  fluximage mcp --root ~/site --url https://images.example.com --key-file key.txt

Usage: fluximage mcp [OPTIONS] --root DIR
Speaks the Model Context Protocol on standard input and output, for an AI agent that starts
it. Its tools: compress_files, session, usage. They read and write below the root alone,
send images alone, replace no file and delete nothing.

  --root DIR            the only folder that the agent may name files in
{SERVER_HELP}

An agent's settings, as JSON:
  {{"command": "fluximage", "args": ["mcp", "--root", "/home/me/site"],
   "env": {{"FLUXIMAGE_URL": "https://…", "FLUXIMAGE_API_KEY": "flx_live_…"}}}}
"""


@click.command(
    "mcp", cls=ScreenCommand, screen=SCREEN, short_help="Tools for an AI agent (MCP, stdio)."
)
@click.option(
    "--root", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@server_options
def command(root: Path, **flags: Unpack[ServerFlags]) -> None:
    """Serve the tools until standard input ends."""
    if not find_spec("mcp"):
        raise CommandError(
            "fluximage mcp needs the extra mcp, which is not installed. Type:"
            " pip install 'fluximage-client[mcp]' (full install: 'fluximage[mcp]')",
            Exit.USAGE,
        )
    tools = import_module("fluximage.command.mcp_tools")
    tools.serve(root, find_server(**flags))
