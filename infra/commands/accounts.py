"""`fluximage accounts`: create, change and list the accounts of this installation."""

import json
from pathlib import Path

import click

from infra.commands.keys import print_key
from infra.commands.options import data_dir_option, json_option, open_database
from shared.db import accounts
from shared.plans import Plan

MAX_NAME_LENGTH = 100
MAX_CREDITS = 1_000_000_000

plan_type = click.Choice([plan.value for plan in Plan])


@click.group("accounts")
def group() -> None:
    """Accounts of this installation."""


def _new_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME_LENGTH:
        raise click.BadParameter(f"give 1 to {MAX_NAME_LENGTH} printable characters.")
    return name


@group.command("create")
@click.argument("name", callback=_new_name)
@click.option("--plan", type=plan_type, required=True)
@json_option
@data_dir_option
def create(name: str, plan: str, as_json: bool, data_dir: Path) -> None:
    """Create an account and print its API key, which is never shown again."""
    with open_database(data_dir) as database:
        print_key(name, accounts.create(database, name, Plan(plan)), as_json)


@group.command("set")
@click.argument("name")
@click.option("--plan", type=plan_type, help="The plan from its next request on.")
@click.option(
    "--topup",
    type=click.IntRange(1, MAX_CREDITS),
    help="AI credits to add; they never expire.",
)
@data_dir_option
def change(name: str, plan: str | None, topup: int | None, data_dir: Path) -> None:
    """Change an account's plan, or add AI credits to it."""
    if plan is None and topup is None:
        raise click.UsageError("Nothing to set: give --plan, --topup or both.")
    with open_database(data_dir) as database:
        if plan is not None:
            accounts.set_plan(database, name, Plan(plan))
        if topup is not None:
            accounts.add_topup(database, name, topup)


@group.command("list")
@json_option
@data_dir_option
def list_accounts(as_json: bool, data_dir: Path) -> None:
    """Print every account."""
    with open_database(data_dir) as database:
        found = accounts.list_all(database)
    rows = [
        {
            "name": account.name,
            "plan": account.plan.value,
            "topup_credits": account.topup_credits,
            "created_at": account.created_at.isoformat(),
        }
        for account in found
    ]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("{name}\t{plan}\t{topup_credits} top-up credits\tsince {created_at}".format(**row))
