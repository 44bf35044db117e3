"""The demo account of `fluximage up`, and the ready file that holds its address and key."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.commands.console import Console
from infra.embedded.data_dir import DataDir, write_private
from shared.db import accounts
from shared.db.database import Database
from shared.errors import UnauthorizedError
from shared.plans import Plan

DEMO = "demo"
READY_FILE = "ready.json"
SECRET = "demo_api_key"  # noqa: S105 - the name of one
ACCOUNT = "demo_account"


@dataclass(frozen=True)
class Demo:
    """An agency account to try things with."""

    name: str
    key: str


def find_or_create(database: Database, data_dir: DataDir) -> Demo:
    """The demo account with its kept key, or a new one when no kept key is valid.

    The database holds only a hash of a key, so the data directory keeps the key itself. An
    account `demo` that is not ours, or whose key was rolled over HTTP, may be in use: it stays
    as it is, and `demo-<hex>` is created beside it.
    """
    kept = data_dir.secrets()
    name, key = kept.get(ACCOUNT, DEMO), kept.get(SECRET)
    if key and _is_valid(database, key):
        return Demo(name, key)
    taken = {account.name for account in accounts.list_all(database)}
    name = f"{DEMO}-{secrets.token_hex(3)}" if DEMO in taken else DEMO
    key = accounts.create(database, name, Plan.AGENCY)
    data_dir.keep_secrets(**{ACCOUNT: name, SECRET: key})
    return Demo(name, key)


def _is_valid(database: Database, key: str) -> bool:
    try:
        accounts.authenticate(database, key)
    except UnauthorizedError:
        return False
    return True


def keep_demo_key(path: Path, database_url: str | None, name: str, key: str) -> None:
    """Keep the new `key` of account `name`, if it is the demo account of data directory `path`.

    `database_url` names the database of the account; None: the data directory's own.
    """
    if not (path / "secrets.json").exists():
        return
    data_dir = DataDir(path)
    kept = data_dir.secrets()
    if SECRET not in kept or name != kept.get(ACCOUNT, DEMO):
        return
    if database_url and database_url != data_dir.state().get("environment", {}).get("DATABASE_URL"):
        return
    data_dir.keep_secrets(**{SECRET: key})
    ready = path / READY_FILE
    if ready.exists():
        write_private(ready, json.dumps(json.loads(ready.read_text()) | {"api_key": key}))


def announce(
    data_dir: DataDir, url: str, demo: Demo, out: Console, taken: int | None = None
) -> None:
    """Write the ready file (mode 0600), and print the address, the key and what to try.

    taken: the usual port, when another program has it.
    """
    write_private(data_dir.path / READY_FILE, json.dumps({"url": url, "api_key": demo.key}))
    other = f" (not on port {taken}, which another program has)" if taken else ""
    out.line(
        f"fluximage serves at {url}{other}, API key of the account {demo.name}: {demo.key}\n"
        f"Try: curl -H 'Authorization: Bearer {demo.key}' -F file=@photo.jpg {url}/api/compress"
    )


def withdraw(data_dir: DataDir) -> None:
    """Remove the ready file: it exists only while the service runs."""
    (data_dir.path / READY_FILE).unlink(missing_ok=True)
