"""`fluximage doctor`: whether a server can be used from here, and what to do where it cannot."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Unpack

import click

from fluximage.client import Client
from fluximage.command import doctor_account, doctor_server, doctor_store, records
from fluximage.command.connection import ServerFlags
from fluximage.command.engine import FIRST_WORD_SECONDS
from fluximage.command.exits import CommandError, Exit
from fluximage.command.finding import Finding
from fluximage.command.profile import SERVER_HELP, Server, find_server, server_options
from fluximage.command.screen import ScreenCommand
from fluximage.command.words import printable

SCREEN = f"""\
  fluximage doctor
  fluximage doctor --yes
  fluximage doctor --json --url https://images.example.com

Usage: fluximage doctor [OPTIONS]
Tries what a client needs, and says of each what is wrong and what to do: the server, its
version and formats, the clocks, the key and the plan. Then one real image goes through and
comes back by its link. That spends one image of the plan, so it asks first.

  --yes                 do not ask; send the image
  --json                a line of JSON for each thing; nobody is asked
{SERVER_HELP}

Exit status: 0 all is well, 1 something is not.
"""
QUESTION = "Send one real image through? It spends one image of the plan."
NOT_TRIED = "not tried, since it spends one image of the plan"


@click.command(
    "doctor", cls=ScreenCommand, screen=SCREEN, short_help="What works between here and a server."
)
@click.option("--yes", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
@server_options
def command(yes: bool, as_json: bool, **flags: Unpack[ServerFlags]) -> None:
    """Try what a client needs."""

    def may_spend() -> bool:
        asks = sys.stdin.isatty() and not as_json
        return yes or (asks and click.confirm(QUESTION, default=True))

    well = True
    for finding in findings(flags, may_spend):
        well = well and finding.status != "wrong"
        if as_json:
            records.say({"type": "check"} | asdict(finding))
        else:
            tell(finding)
    click.get_current_context().exit(Exit.DONE if well else Exit.FAILED)


def tell(finding: Finding) -> None:
    """A line, and one below it with what to do."""
    mark = {"ok": "ok   ", "wrong": "WRONG", "skipped": "-    "}[finding.status]
    print(printable(f"{mark}  {finding.name:<8}  {finding.message}"), flush=True)
    if finding.advice:
        print(printable(f"{'':17}→ {finding.advice}"), flush=True)


def findings(flags: ServerFlags, may_spend: Callable[[], bool]) -> Iterator[Finding]:
    """Everything in its order; ends where nothing more can be tried."""
    yield doctor_server.own_version()
    try:
        server = find_server(**flags)
    except CommandError as error:
        yield Finding.wrong("server", "which one, or its key, is not set", error.message)
        return
    reached = True
    for finding in doctor_server.look(server.url):
        reached = reached and not (finding.name == "server" and finding.status == "wrong")
        yield finding
    if reached:
        yield from _with_key(server, may_spend)


def _with_key(server: Server, may_spend: Callable[[], bool]) -> Iterator[Finding]:
    with Client(
        server.url, server.api_key, retry_seconds=FIRST_WORD_SECONDS, timeout_seconds=120
    ) as client:
        account = doctor_account.plan(client)
        yield account
        if account.status == "wrong":
            return
        if not may_spend():
            for name in ("image", "links"):
                yield Finding(name, "skipped", NOT_TRIED, "Type: fluximage doctor --yes")
            return
        image, finding = doctor_account.one_image(client)
        yield finding
        if image:
            yield doctor_store.link(image)
