"""What `fluximage up` hands to its user: an address and a key of the demo account."""

import json
from contextlib import suppress
from pathlib import Path

from infra.embedded.data_dir import DataDir, write_private
from shared import accounts
from shared.database import Database
from shared.errors import UnauthorizedError
from shared.plans import Plan

DEMO = "demo"
FILE = "ready.json"
SECRET = "demo_api_key"  # noqa: S105 - the name of one


def demo_key(database: Database, data_dir: DataDir) -> str:
    """A valid API key of the demo account: the former one, else a new one.

    The account is made when it is missing. Only a hash of a key is in the database, so the
    key itself is kept in the data directory.
    """
    kept = data_dir.secrets().get(SECRET, "")
    with suppress(UnauthorizedError):
        if accounts.authenticate(database, kept).name == DEMO:
            return kept
    if any(account.name == DEMO for account in accounts.list_all(database)):
        key = accounts.roll_key(database, DEMO)
    else:
        key = accounts.create(database, DEMO, Plan.AGENCY)
    data_dir.keep_secret(SECRET, key)
    return key


def keep_demo_key(path: Path, key: str) -> None:
    """Note that the demo account of the data directory `path` has a new key."""
    DataDir(path).keep_secret(SECRET, key)
    ready = path / FILE
    if ready.exists():
        write_private(ready, json.dumps(json.loads(ready.read_text()) | {"api_key": key}))


def announce(data_dir: DataDir, url: str, key: str) -> None:
    """Write ready.json (mode 0600) and tell on standard output what to try."""
    write_private(data_dir.path / FILE, json.dumps({"url": url, "api_key": key}))
    print(
        f"fluximage serves at {url}, API key of the account {DEMO}: {key}\n"
        f"Try: curl -H 'Authorization: Bearer {key}' -F file=@photo.jpg {url}/api/compress",
        flush=True,
    )


def withdraw(data_dir: DataDir) -> None:
    """Remove the ready.json of an earlier start: its presence shall mean that we serve."""
    (data_dir.path / FILE).unlink(missing_ok=True)
