"""The service that is attacked: `fluximage up` on embedded servers, and what its operator sees."""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

from infra.dev.temporary_service import RunningService, temporary_service
from shared import services, settings
from shared.db import accounts
from shared.db.database import Row
from shared.plans import Plan
from shared.services import Services

# How Celery and our supervisor report a process that did not end by itself.
_KILLED = ("SIGKILL", "Hard time limit", "exited prematurely", "is started again")


@dataclass(frozen=True)
class Target:
    """A running service. `services` reach its servers."""

    service: RunningService
    services: Services

    @property
    def url(self) -> str:
        """The address of the service."""
        return self.service.url

    def new_account(self, plan: Plan = Plan.AGENCY) -> str:
        """Creates an account with that plan, and returns its key."""
        return accounts.create(self.services.database, f"attack-{uuid4()}", plan)

    def query(self, statement: LiteralString, *parameters: object) -> list[Row]:
        """The rows that a statement returns."""
        with self.services.database.transaction() as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def number(self, statement: LiteralString, *parameters: object) -> float:
        """The one number that a statement returns."""
        (row,) = self.query(statement, *parameters)
        return float(next(iter(row.values())) or 0)

    def killed(self) -> list[str]:
        """The lines of the logs that report a process that was killed or has crashed."""
        lines = self.service.log_lines()
        return [line for line in lines if any(mark in line for mark in _KILLED)]

    def engine_seconds(
        self, wanted: Callable[[dict[str, Any]], bool] = bool
    ) -> defaultdict[int, float]:
        """CPU seconds of the engine by account, by the log lines of those images."""
        seconds: defaultdict[int, float] = defaultdict(float)
        for line in filter(wanted, self.service.image_lines()):
            seconds[line["account"]] += line["engine_cpu_seconds"]
        return seconds


@contextmanager
def started(
    more_settings: Mapping[str, str], before: Callable[[Path], object] | None = None
) -> Iterator[Target]:
    """A service with these settings that runs as long as the block.

    before: called with its temporary directory, which all users share, before it starts.
    """
    with tempfile.TemporaryDirectory(prefix="attack-") as shared_folder:
        Path(shared_folder).chmod(0o1777)
        if before:
            before(Path(shared_folder))
        changes = dict(more_settings) | {"TMPDIR": shared_folder}
        with temporary_service(environment=changes, hurry=True) as service:
            state = json.loads((service.data_dir / "state.json").read_text())
            loaded = settings.load(os.environ | changes | state["environment"])
            with closing(services.build(loaded, max_connections=2)) as built:
                yield Target(service, built)
