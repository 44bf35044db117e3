"""`fluximage usage`: what the account has used, and has left."""

from dataclasses import asdict
from typing import Unpack

import click

from fluximage.answers import Usage
from fluximage.command import records
from fluximage.command.connection import ServerFlags, connected
from fluximage.command.profile import SERVER_HELP, server_options
from fluximage.command.screen import ScreenCommand
from fluximage.command.words import count, printable

SCREEN = f"""\
  fluximage usage
  fluximage usage --json
  fluximage usage --profile staging

Usage: fluximage usage [OPTIONS]
Tells the plan, and the images and AI credits of this billing period.

  --json                one line of JSON; docs/command-line.md has the fields
{SERVER_HELP}
"""


@click.command(
    "usage", cls=ScreenCommand, screen=SCREEN, short_help="What the plan has used and has left."
)
@click.option("--json", "as_json", is_flag=True)
@server_options
def command(as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Tell what the plan has left."""
    with connected(flags) as client:
        usage = client.usage()
    if as_json:
        records.say({"type": "usage", "images_left": usage.images_left} | asdict(usage))
        return
    for line in lines(usage):
        print(printable(line))


def lines(usage: Usage) -> list[str]:
    """What a person is told."""
    told = [f"Plan {usage.plan}"]
    used = f"{count(usage.compressor_used, 'image')} in this period"
    left = usage.images_left
    told.append(f"{used}, {'without a limit' if left is None else f'{left:,} left'}")
    if usage.can_use_ia or usage.ia_credits_monthly or usage.ia_topup_credits:
        credits_ = count(usage.ia_credits_used, "AI credit")
        told.append(f"{credits_} used, {usage.ia_credits_remaining:,} left")
    else:
        told.append("AI texts are not in this plan")
    told += [f"More credits ({name}): {url}" for name, url in usage.topups.items() if url]
    return told
