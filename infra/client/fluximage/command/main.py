"""The command line of the light install: `fluximage COMMAND`.

A new command: a module here with a `command`, its place in `group.CLIENT_COMMANDS`, tests in
tests/client/, and its part of docs/command-line.md.
"""

import click

from fluximage.command.group import CLIENT_COMMANDS, LazyGroup


@click.group(cls=LazyGroup, sections={"Images": CLIENT_COMMANDS})
@click.version_option(package_name="fluximage-client")
def cli() -> None:
    """Smaller images, by a fluximage server."""


def main() -> None:
    """The entry point."""
    cli(prog_name="fluximage")


if __name__ == "__main__":
    main()
