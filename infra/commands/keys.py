"""`fluximage keys`: the API keys of accounts."""

import json
from pathlib import Path

import click

from infra.commands.demo_account import keep_demo_key
from infra.commands.options import data_dir_option, given_database_url, json_option, open_database
from shared.db import accounts


@click.group("keys")
def group() -> None:
    """API keys of accounts."""


@group.command("roll")
@click.argument("name")
@json_option
@data_dir_option
def roll(name: str, as_json: bool, data_dir: Path) -> None:
    """Print a new API key for an account; the old key ends at once."""
    with open_database(data_dir) as database:
        key = accounts.roll_key_of(database, name)
    print_key(name, key, as_json)  # first, so that no failure below loses it
    keep_demo_key(data_dir, given_database_url(), name, key)


def print_key(name: str, key: str, as_json: bool) -> None:
    """Print the key of account `name`, as a sentence or as a JSON object."""
    print(json.dumps({"name": name, "api_key": key}) if as_json else f"API key of {name}: {key}")
