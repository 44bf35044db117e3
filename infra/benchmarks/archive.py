"""`make bench-archive COUNT=10000`: what it costs the API to send a session as one archive.

Prints one JSON line, and fails if the API's memory grows too much or the archive is not right.
Linux only; ten thousand images of 100 KB take a few minutes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.benchmarks.many_images import make_session
from infra.benchmarks.measuring import resident
from infra.embedded import temporary
from infra.embedded.network import free_port
from infra.migrations.run import migrate
from shared import services, settings
from shared.db import accounts
from shared.plans import Plan
from shared.services import Services

_MB = 1_000_000
_IMAGE_BYTES = 100_000
_OBJECTS = 50  # which the images share in turn
_LIMIT_MB = 50
_START_SECONDS = 60
_CHUNK_BYTES = 1_000_000


def main(count: int) -> dict[str, Any]:
    """The megabytes above idle that an archive of so many images takes, and its seconds."""
    with temporary() as stack:
        migrate(stack.environment["DATABASE_URL"])
        built = services.build(settings.load(stack.environment))
        try:
            built.store.prepare()
            key = _make_sessions(built, count)
            with _api(stack.environment) as (url, worker):
                with tempfile.TemporaryFile() as warm:  # the first download loads modules
                    _download(f"{url}/api/sessions/few/archive", key, warm)
                return _measure(url, key, worker, count)
        finally:
            built.close()


def _make_sessions(built: Services, count: int) -> str:
    key = accounts.create(built.database, "bench", Plan.AGENCY)
    account = accounts.authenticate(built.database, key)
    make_session(built, account.id, "few", 1, [b"one"])
    contents = [os.urandom(_IMAGE_BYTES) for _ in range(_OBJECTS)]
    make_session(built, account.id, "many", count, contents)
    return key


def _measure(url: str, key: str, worker: int, count: int) -> dict[str, Any]:
    Path(f"/proc/{worker}/clear_refs").write_text("5")  # resets the peak
    idle, cpu, started = resident("VmRSS", worker), _cpu_seconds(worker), time.monotonic()
    with tempfile.TemporaryFile() as file:
        _download(f"{url}/api/sessions/many/archive", key, file)
        seconds = time.monotonic() - started
        figures = {
            "images": count,
            "megabytes": round(file.tell() / _MB),
            "idle_mb": round(idle / _MB, 1),
            "above_idle_mb": round((resident("VmHWM", worker) - idle) / _MB, 1),
            "limit_mb": _LIMIT_MB,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(_cpu_seconds(worker) - cpu, 1),
        }
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            manifest = json.loads(archive.read("manifest.json"))
        right = len(set(names)) == count + 2 and len(manifest["images"]) == count
        return figures | {"right": right and manifest["complete"]}


def faults(figures: dict[str, Any]) -> list[str]:
    """A sentence for each of the figures of `main` that is not as it must be."""
    found = [] if figures["right"] else ["The archive does not hold each image once"]
    if figures["above_idle_mb"] > _LIMIT_MB:
        found.append(f"{figures['above_idle_mb']} MB above idle; {_LIMIT_MB} are allowed")
    return found


def _download(url: str, key: str, file: Any) -> None:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - ours
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _api(environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """An API of one process: its address, and the process that serves."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "api", "--bind", address, "--no-control-socket"]
    env = os.environ | dict(environment) | {"WEB_CONCURRENCY": "1"}
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        _await(f"http://{address}/health/live")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        yield f"http://{address}", int(children)
    finally:
        process.terminate()
        process.wait()


def _await(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - ours
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    found = main(int(sys.argv[1]))
    print(json.dumps(found))
    if sentences := faults(found):
        sys.exit("\n".join(sentences))
