"""`fluximage usage`: what the account has used, and has left."""

from dataclasses import asdict
from typing import Unpack

import click

from fluximage.answers import Account, Usage
from fluximage.client import Client
from fluximage.command import records
from fluximage.command.connection import ServerFlags, connected
from fluximage.command.profile import SERVER_HELP, server_options
from fluximage.command.screen import ScreenCommand
from fluximage.command.words import count, printable
from fluximage.errors import NotFound

SCREEN = f"""\
  fluximage usage
  fluximage usage --json
  fluximage usage --profile staging

Usage: fluximage usage [OPTIONS]
Tells the account, its plan, and the images and AI credits of this billing period.

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
        usage, account = client.usage(), account_of(client)
    if as_json:
        whose = (
            {"account": account.name, "period_ends_at": account.period_ends_at} if account else {}
        )
        left = {"images_left": usage.images_left}
        records.say({"type": "usage"} | whose | left | asdict(usage))
        return
    for line in lines(usage, account):
        print(printable(line))


def account_of(client: Client) -> Account | None:
    """Whose key it is; None where the server is older than that call."""
    try:
        return client.account()
    except NotFound:
        return None


def lines(usage: Usage, account: Account | None) -> list[str]:
    """What a person is told."""
    told = [f"Account {account.name}, plan {usage.plan}" if account else f"Plan {usage.plan}"]
    end = f" (to {account.period_ends_at[:10]})" if account else ""
    used = f"{count(usage.compressor_used, 'image')} in this period{end}"
    left = usage.images_left
    told.append(f"{used}, {'without a limit' if left is None else f'{left:,} left'}")
    if usage.can_use_ia or usage.ia_credits_monthly or usage.ia_topup_credits:
        credits_ = count(usage.ia_credits_used, "AI credit")
        told.append(f"{credits_} used, {usage.ia_credits_remaining:,} left")
    else:
        told.append("AI texts are not in this plan")
    told += [f"More credits ({name}): {url}" for name, url in usage.topups.items() if url]
    return told
