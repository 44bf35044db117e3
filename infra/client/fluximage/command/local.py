"""`--local`: the engine of the full install, which names it here when its command line starts."""

from importlib import import_module
from typing import cast

import click

from fluximage.command.engine import Engine
from fluximage.command.exits import CommandError, Exit


def open_local() -> Engine:
    """The engine of this machine; raises CommandError in the light install, which has none."""
    place = click.get_current_context().find_root().obj
    if not isinstance(place, str):
        raise CommandError(
            "--local needs the engine, which this light install does not have. Type:"
            " pip install fluximage",
            Exit.USAGE,
        )
    module, _, attribute = place.partition(":")
    return cast("Engine", getattr(import_module(module), attribute)())
