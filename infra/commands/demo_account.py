"""The demo account of `fluximage up`, and the ready file that holds its address and key."""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

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
    """An agency account to try things with. key: None where it was rolled, and we have no other.

    notice: what a person should know of it, or "".
    """

    name: str
    key: str | None
    notice: str = field(default="", compare=False)


def find_or_create(database: Database, data_dir: DataDir) -> Demo:
    """The demo account with its kept key, or a new one where this database has none of ours.

    The database holds only a hash of a key, so the data directory keeps the key itself. A key that
    was rolled over HTTP is known to who rolled it alone: to replace it is for the operator to
    decide, so the account then comes without one. An account `demo` that is not ours may be in use:
    it stays as it is, and `demo-<hex>` is created beside it.
    """
    kept = data_dir.secrets()
    if key := kept.get(SECRET):
        if _is_valid(database, key):
            return Demo(kept.get(ACCOUNT, DEMO), key)
        if owner := accounts.owner_of(database, key):
            rolled = (
                f"The key of the account {owner} was rolled: the one that is kept here is over."
            )
            return Demo(owner, None, rolled)
    taken = {account.name for account in accounts.list_all(database)}
    name = f"{DEMO}-{secrets.token_hex(3)}" if DEMO in taken else DEMO
    key = accounts.create(database, name, Plan.AGENCY)
    data_dir.keep_secrets(**{ACCOUNT: name, SECRET: key})
    beside = f"The database has an account {DEMO} of another installation; made {name} beside it."
    return Demo(name, key, beside if name != DEMO else "")


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


def write_ready(data_dir: DataDir, url: str, demo: Demo) -> None:
    """Write the ready file (mode 0600); without a key where there is none that works."""
    key = {"api_key": demo.key} if demo.key else {}
    write_private(data_dir.path / READY_FILE, json.dumps({"url": url} | key))


def withdraw(data_dir: DataDir) -> None:
    """Remove the ready file: it exists only while the service runs."""
    (data_dir.path / READY_FILE).unlink(missing_ok=True)
