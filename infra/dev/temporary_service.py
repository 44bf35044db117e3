"""A whole service that runs only as long as a command needs it: `fluximage up` as a child."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from infra.embedded import remove
from infra.embedded.network import free_port
from shared.errors import OperatorError

READY_SECONDS = 120
STOP_SECONDS = 60
HURRY_SECONDS = 0.3


@dataclass(frozen=True)
class RunningService:
    """A running service: its address, a key of its demo account, its process and its data."""

    url: str
    api_key: str
    pid: int
    data_dir: Path

    def image_lines(self) -> list[dict[str, Any]]:
        """The workers' log lines about images, in the order in which these ended."""
        lines = (json.loads(line) for line in self.log_lines() if '"message": "image"' in line)
        return sorted(lines, key=itemgetter("time"))

    def log_lines(self) -> Iterator[str]:
        """The lines of the logs of all processes."""
        for log in (self.data_dir / "logs").glob("*.log"):
            yield from log.read_text(errors="replace").splitlines()


@contextmanager
def temporary_service(
    workers: int | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    hurry: bool = False,
) -> Iterator[RunningService]:
    """The whole service on embedded servers and free ports; its data is deleted at the end.

    `environment` is added to this process's own. `hurry`: nothing is in work at the end, and its
    workers are not waited for. Raises OperatorError with the end of the log when the service does
    not start.
    """
    place = Path(tempfile.mkdtemp(prefix="fluximage-"))
    place.chmod(0o711)  # under root, Postgres' own user must reach its data in it
    data_dir, log = place / "data", place / "up.log"
    argv = [sys.executable, "-m", "infra.commands.main", "up", "--port", str(free_port(None))]
    argv += ["--data-dir", str(data_dir)]
    argv += ["--workers", str(workers)] if workers else []
    try:
        with log.open("wb") as output:
            env = os.environ | dict(environment or {})
            process = subprocess.Popen(argv, stdout=output, stderr=output, env=env)
        try:
            ready = _await(process, data_dir / "ready.json", log)
            yield RunningService(ready["url"], ready["api_key"], process.pid, data_dir)
        finally:
            process.terminate()
            if hurry:
                time.sleep(HURRY_SECONDS)  # two signals at once may count as one
                process.terminate()
            process.wait(STOP_SECONDS)
    finally:
        if data_dir.exists():
            remove(data_dir)
        shutil.rmtree(place)


def _await(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, str]:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if ready.exists():
            found: dict[str, str] = json.loads(ready.read_text())
            return found
        time.sleep(0.05)
    end = "\n  ".join(log.read_text(errors="replace").splitlines()[-10:])
    raise OperatorError(f"The service did not start; its log ends with:\n  {end}")
