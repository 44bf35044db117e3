"""`fluximage completion SHELL`: what the shell needs to complete this command."""

import click
from click.shell_completion import get_completion_class

from fluximage.command.screen import ScreenCommand

SHELLS = ("bash", "zsh", "fish")
SCREEN = """\
  fluximage completion bash >~/.local/share/bash-completion/completions/fluximage
  fluximage completion zsh >~/.zfunc/_fluximage
  fluximage completion fish >~/.config/fish/completions/fluximage.fish

Usage: fluximage completion bash|zsh|fish
Prints a script by which the shell completes commands, options, their values and files.
bash 4.4 or newer has to have the package bash-completion for the file above, and zsh these
lines in ~/.zshrc:  fpath+=~/.zfunc; autoload -Uz compinit && compinit
In any case works:  eval "$(fluximage completion bash)"
"""


@click.command(
    "completion", cls=ScreenCommand, screen=SCREEN, short_help="Completion for bash, zsh and fish."
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    """Print click's own script."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click does not know {shell}.")
    print(kind(ctx.find_root().command, {}, "fluximage", "_FLUXIMAGE_COMPLETE").source())
