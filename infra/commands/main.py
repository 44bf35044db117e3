"""The command line of the operator. One command a verb."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from infra.commands import demo_account, safety, up
from infra.commands.checks import check_servers
from infra.embedded import database_url
from infra.migrations.run import migrate as run_migrations
from shared.clients.object_store import S3Store
from shared.db import accounts as records
from shared.db.database import Database
from shared.errors import FluximageError
from shared.plans import Plan
from shared.settings import load

Command = Callable[..., Any]

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".fluximage"),
    show_default=True,
    help="Where the embedded servers keep everything. DATABASE_URL, when set, comes first.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
plan_type = click.Choice([plan.value for plan in Plan])
NAME_LENGTH = 100
MOST_CREDITS = 1_000_000_000


@contextmanager
def _database(data_dir: Path) -> Iterator[Database]:
    """The database of the environment, else that of the embedded stack, running or not."""
    if given := os.environ.get("DATABASE_URL"):
        with Database(given, max_connections=1) as database:
            yield database
        return
    with database_url(data_dir) as url:
        run_migrations(url)  # a stack of an older version may have been stopped here
        with Database(url, max_connections=1) as database:
            yield database


@click.group()
@click.version_option(package_name="fluximage")
def cli() -> None:
    """Self-hosted image optimisation at volume."""
    logging.basicConfig(level=logging.WARNING, format="fluximage: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells of every try


@cli.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help=f"[default: {up.DEFAULT_PORT}, or a free one when that is taken]",
)
@data_dir_option
@click.option(
    "--workers", type=click.IntRange(1), help="Processes for pixels. [default: one a core]"
)
def up_command(host: str, port: int | None, data_dir: Path, workers: int | None) -> None:
    """Run the whole service here, servers included, until Ctrl-C.

    REDIS_URL, DATABASE_URL or S3_ENDPOINT that are set are used instead of an embedded server.
    """
    up.up(up.Options(host, port, data_dir, workers or up.usable_cores()))


@cli.command()
def migrate() -> None:
    """Make or update the tables in DATABASE_URL and the bucket. Safe to repeat."""
    settings = load()
    S3Store(settings).prepare()
    safety.warn(settings)
    run_migrations(settings.database_url.get_secret_value())


@cli.command()
def check() -> None:
    """Say what is unsafe about the servers of the environment, and how to mend it.

    Exit code 1 when something is, or when a server cannot be used.
    """
    settings = load()
    check_servers(settings)
    if any(one.level is not safety.Level.UNKNOWN for one in safety.warn(settings)):
        sys.exit(1)
    print("Nothing unsafe was found in the settings of the servers.")


@cli.group("accounts")
def accounts_group() -> None:
    """Accounts of this installation."""


def _new_name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH:
        raise click.BadParameter(f"give 1 to {NAME_LENGTH} printable characters.")
    return name


@accounts_group.command("create")
@click.argument("name", callback=_new_name)
@click.option("--plan", type=plan_type, required=True)
@json_option
@data_dir_option
def create(name: str, plan: str, as_json: bool, data_dir: Path) -> None:
    """Make an account and print its API key, which is never shown again."""
    with _database(data_dir) as database:
        _print_key(name, records.create(database, name, Plan(plan)), as_json)


@accounts_group.command("set")
@click.argument("name")
@click.option("--plan", type=plan_type, help="The plan from its next request on.")
@click.option(
    "--topup",
    type=click.IntRange(1, MOST_CREDITS),
    help="AI credits to add; they never expire.",
)
@data_dir_option
def change(name: str, plan: str | None, topup: int | None, data_dir: Path) -> None:
    """Change an account's plan, or add AI credits to it."""
    if plan is None and topup is None:
        raise click.UsageError("Nothing to set: give --plan, --topup or both.")
    with _database(data_dir) as database:
        if plan is not None:
            records.set_plan(database, name, Plan(plan))
        if topup is not None:
            records.add_topup(database, name, topup)


@accounts_group.command("list")
@json_option
@data_dir_option
def list_accounts(as_json: bool, data_dir: Path) -> None:
    """Print every account."""
    with _database(data_dir) as database:
        found = records.list_all(database)
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


@cli.group("keys")
def keys_group() -> None:
    """API keys of accounts."""


@keys_group.command("roll")
@click.argument("name")
@json_option
@data_dir_option
def roll(name: str, as_json: bool, data_dir: Path) -> None:
    """Give an account a new API key and print it; the old one ends at once."""
    with _database(data_dir) as database:
        key = records.roll_key(database, name)
    _print_key(name, key, as_json)  # first: whatever fails below, it is not lost
    demo_account.keep_demo_key(data_dir, os.environ.get("DATABASE_URL"), name, key)


def _print_key(name: str, key: str, as_json: bool) -> None:
    print(json.dumps({"name": name, "api_key": key}) if as_json else f"API key of {name}: {key}")


def main() -> None:
    """The entry point: an error is one line on standard error and exit code 1, misuse 2."""
    try:
        cli()
    except FluximageError as error:
        print(f"fluximage: {error.message}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
