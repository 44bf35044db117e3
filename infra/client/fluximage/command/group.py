"""A group of commands whose modules are imported only when one of them runs.

`fluximage probe` of the full install runs every few seconds, so this imports click alone.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import click

# What the client gives, by its name: the module and the name in it. `infra.commands.main` shows
# the same beside the operator's own.
CLIENT_COMMANDS = {
    "compress": "fluximage.command.compress:command",
    "sessions": "fluximage.command.sessions:group",
    "usage": "fluximage.command.usage:command",
    "watch": "fluximage.command.watch:command",
    "check": "fluximage.command.check:command",
    "doctor": "fluximage.command.doctor:command",
    "mcp": "fluximage.command.mcp:command",
    "completion": "fluximage.command.completion:command",
}


class LazyGroup(click.Group):
    """Commands under headings. `sections`: heading → name → `module:attribute`."""

    def __init__(
        self, *arguments: Any, sections: Mapping[str, Mapping[str, str]], **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._sections = sections
        self._places = {name: place for names in sections.values() for name, place in names.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of that name."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name].partition(":")
        return cast("click.Command", getattr(import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each heading with its commands."""
        width = formatter.width - 6 - max(map(len, self._places))
        for heading, names in self._sections.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, one.get_short_help_str(width)) for name, one in found if one]
            with formatter.section(heading):
                formatter.write_dl(rows)
